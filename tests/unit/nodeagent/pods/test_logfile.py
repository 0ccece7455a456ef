import asyncio

import pytest

from nodeagent.pods.logfile import (
    ContainerLog,
    LogQuery,
    last_entries,
    parse_entry,
    read_log,
    rotated,
)
from tests.support.pods import eventually

S = 1_000_000_000


@pytest.fixture
def log(tmp_path):
    log = ContainerLog(tmp_path / "0.log")
    yield log
    log.close(0)


async def read(log, **query):
    parts = [part async for part in read_log(log.path, log, LogQuery(**query))]
    return b"".join(parts)


def test_format_is_cri(log):
    log.write("stdout", b"hello\nwor", 1_700_000_000 * S + 5)
    log.write("stderr", b"oops\n", 1_700_000_001 * S)
    log.close(1_700_000_002 * S)
    assert log.path.read_bytes().splitlines() == [
        b"2023-11-14T22:13:20.000000005Z stdout F hello",
        b"2023-11-14T22:13:21.000000000Z stderr F oops",
        b"2023-11-14T22:13:22.000000000Z stdout P wor",
    ]


async def test_lines_in_pieces_come_back_whole(log):
    for piece in (b"a", b"bc\n", b"d" * 40_000, b"\n", b"end"):
        log.write("stdout", piece, S)
    log.close(S)
    assert await read(log) == b"abc\n" + b"d" * 40_000 + b"\nend"
    assert (await read(log, timestamps=True)).count(b"1970-01-01T00:00:01.000000000Z ") == 3


@pytest.mark.parametrize(
    ("tail", "expected"),
    [(0, b""), (1, b"3\n"), (2, b"2\n3\n"), (9, b"1\n2\n3\n"), (-1, b"1\n2\n3\n")],
)
async def test_tail(log, tail, expected):
    log.write("stdout", b"1\n2\n3\n", S)
    assert await read(log, tail_lines=tail) == expected


async def test_since_and_limit(log):
    log.write("stdout", b"old\n", 10 * S)
    log.write("stdout", b"new\n", 20 * S)
    assert await read(log, since_ns=15 * S) == b"new\n"
    assert await read(log, limit_bytes=5) == b"old\nn"


async def test_rotation_bounds_the_disk_and_keeps_the_order(tmp_path):
    log = ContainerLog(tmp_path / "0.log", max_bytes=1000)
    for number in range(100):
        log.write("stdout", b"%03d\n" % number, S)
    log.close(S)
    assert log.path.stat().st_size <= 1000
    assert rotated(log.path).stat().st_size <= 1000
    numbers = [int(line) for line in (await read(log)).split()]
    assert numbers == list(range(numbers[0], 100))
    assert len(numbers) > 25


async def test_follow_goes_over_a_rotation_and_ends_with_the_log(tmp_path):
    log = ContainerLog(tmp_path / "0.log", max_bytes=300)
    log.write("stdout", b"000\n", S)
    parts = []

    async def follow():
        async for part in read_log(log.path, log, LogQuery(follow=True)):
            parts.append(part)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(follow())
        for number in range(1, 30):
            log.write("stdout", b"%03d\n" % number, S)
            await eventually(lambda last=b"%03d" % number: last in b"".join(parts))
        log.close(S)
    assert b"".join(parts).split() == [b"%03d" % number for number in range(30)]


@pytest.mark.parametrize("line", [b"", b"\n", b"a b c\n", b"t stdout F no newline"])
def test_damaged_lines_are_no_entries(line):
    assert parse_entry(line) is None


def test_no_file_is_an_empty_log(tmp_path):
    assert last_entries(tmp_path / "none.log", LogQuery()) == []
