import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from kubehop.local.identity import ProcessIdentity


@pytest.fixture
def sleeper():
    process = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    yield process
    process.kill()
    process.wait()


def test_a_process_is_alive_until_it_ends(sleeper):
    identity = ProcessIdentity.of(sleeper.pid)
    assert identity.is_alive()

    sleeper.kill()
    sleeper.wait()

    assert not identity.is_alive()
    with pytest.raises(ProcessLookupError):
        ProcessIdentity.of(sleeper.pid)


def test_an_ended_process_that_nobody_has_reaped_is_not_alive(sleeper):
    identity = ProcessIdentity.of(sleeper.pid)

    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)

    assert not identity.is_alive()


@pytest.mark.parametrize("change", [{"start_ticks": 1}, {"boot_id": "another"}])
def test_a_recycled_pid_is_neither_alive_nor_killed(sleeper, change):
    recycled = replace(ProcessIdentity.of(sleeper.pid), **change)

    recycled.end(0)

    assert not recycled.is_alive()
    assert sleeper.poll() is None


def test_a_polite_process_ends_by_sigterm(sleeper):
    ProcessIdentity.of(sleeper.pid).end(10.0)

    assert sleeper.wait() == -signal.SIGTERM


def test_a_deaf_process_ends_by_sigkill():
    code = "import signal; signal.signal(15, signal.SIG_IGN); print(flush=True); signal.pause()"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        process.stdout.readline()

        ProcessIdentity.of(process.pid).end(0.05)

        assert process.wait() == -signal.SIGKILL
