import os
import signal
import sys
import threading

import pytest

from kubehop.local.identity import wait_for_end
from kubehop.matrix.running import KEPT_BYTES, CannotRun, run_command

TIMEOUT_S = 30.0


def python(program, **environment):
    return run_command([sys.executable, "-c", program], environment)


def test_both_outputs_and_the_exit_code():
    program = "import os, sys; print(os.environ['X']); print('e', file=sys.stderr); sys.exit(3)"

    finished = python(program, X="1")

    assert finished.exit_code == 3
    assert (finished.stdout.text, finished.stderr.text) == ("1\n", "e\n")
    assert finished.duration_s > 0


def test_nothing_is_read_and_the_environment_is_the_given_one():
    program = "import os, sys; print(repr(sys.stdin.read()), 'HOME' in os.environ)"

    assert python(program).stdout.text == "'' False\n"


def test_a_signal_counts_as_in_a_shell():
    finished = python("import os; os.kill(os.getpid(), 9)")

    assert finished.exit_code == 128 + signal.SIGKILL


def test_of_much_output_the_beginning_is_kept():
    finished = python(f"print('a' * {KEPT_BYTES} + 'b', end='')")

    assert finished.stdout.kept == b"a" * KEPT_BYTES
    assert finished.stdout.length == KEPT_BYTES + 1
    assert finished.stdout.is_cut


def test_closing_the_outputs_is_not_the_end():
    finished = python("import os; os.close(1); os.close(2); os._exit(5)")

    assert finished.exit_code == 5


def test_what_the_command_leaves_running_ends():
    program = (
        "import subprocess, sys;"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
        "print(child.pid)"
    )

    child = int(python(program).stdout.text)

    try:
        pidfd = os.pidfd_open(child)
    except ProcessLookupError:
        return
    try:
        assert wait_for_end(pidfd, TIMEOUT_S)
    finally:
        os.close(pidfd)


def test_an_interrupt_ends_the_command(tmp_path):
    """Politely: it has the time to put away what it has made."""
    pipe = tmp_path / "pid"
    os.mkfifo(pipe)
    found = []

    def interrupt():
        found.append(int(pipe.read_text()))
        os.kill(os.getpid(), signal.SIGINT)

    watcher = threading.Thread(target=interrupt)
    watcher.start()
    program = (
        "import os, signal, sys, time, pathlib;"
        f"end = pathlib.Path({str(tmp_path / 'ended')!r});"
        "signal.signal(signal.SIGTERM, lambda *_: (end.touch(), sys.exit(0)));"
        f"pathlib.Path({str(pipe)!r}).write_text(str(os.getpid()));"
        "time.sleep(600)"
    )

    with pytest.raises(KeyboardInterrupt):
        pytest.fail(f"it ended by itself: {python(program)}")

    watcher.join()
    assert (tmp_path / "ended").exists()
    with pytest.raises(ProcessLookupError):
        os.kill(found[0], 0)


def test_what_cannot_be_started_is_said(tmp_path):
    program = tmp_path / "program"
    program.write_text("no program")
    program.chmod(0o755)

    with pytest.raises(CannotRun, match=r"cannot run .*program: Exec format error"):
        run_command([str(program)], {})
