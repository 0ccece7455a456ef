from kubehop.local.logfile import LogFile, last_line


def test_what_is_written_is_in_the_file(tmp_path):
    path = tmp_path / "logs" / "a.log"
    log = LogFile(path)
    log.write(b"one\n")
    log.close()
    log = LogFile(path)
    log.write(b"two\n")
    log.close()

    assert path.read_bytes() == b"one\ntwo\n"


def test_the_size_is_bounded_and_the_newest_is_kept(tmp_path):
    path = tmp_path / "a.log"
    log = LogFile(path, max_bytes=100)
    for number in range(50):
        log.write(f"line {number:03}\n".encode())
    log.close()

    assert path.stat().st_size <= 100
    assert (tmp_path / "a.log.1").stat().st_size <= 100
    assert path.read_text().splitlines()[-1] == "line 049"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.log", "a.log.1"]


def test_the_last_line_is_the_last_that_says_something(tmp_path):
    path = tmp_path / "a.log"
    path.write_text("first\nlast words\n\n  \n")

    assert last_line(path) == "last words"
    assert last_line(tmp_path / "none") == ""
