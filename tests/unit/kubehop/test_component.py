import asyncio
import os
import signal
import socket
import sys

import pytest

from kubehop.local.commands import Command
from kubehop.local.component import Component, Place
from kubehop.local.logfile import LogFile
from kubehop.local.reaper import Reaper


@pytest.fixture
async def reaper():
    loop = asyncio.get_running_loop()
    yield Reaper(loop)
    loop.remove_signal_handler(signal.SIGCHLD)


def program(code):
    return Command("test", (sys.executable, "-c", code))


@pytest.fixture
def start(reaper, tmp_path):
    def make(code, *inherited):
        log = LogFile(tmp_path / "test.log")
        return Component(program(code), Place(None, inherited), log, reaper)

    return make


async def until(condition):
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - the state of another process
            await asyncio.sleep(0.01)


WAIT = "import signal; print('up', flush=True); signal.pause()"


async def test_a_program_runs_until_it_is_stopped(start, tmp_path):
    component = start(WAIT)
    async with asyncio.TaskGroup() as group:
        group.create_task(component.keep_running())
        await until(lambda: (tmp_path / "test.log").read_text() == "up\n")
        assert component.status()["state"] == "running"
        assert component.status()["restarts"] == 0
        component.stop()

    assert component.status()["state"] == "waiting"
    assert component.last_exit == 128 + signal.SIGTERM


async def test_a_program_that_ends_is_started_again(start, tmp_path):
    component = start("print('once', flush=True); raise SystemExit(5)")
    async with asyncio.TaskGroup() as group:
        group.create_task(component.keep_running())
        await until(lambda: component.status()["restarts"] >= 1)
        exit_code = component.last_exit
        component.stop()

    assert exit_code == 5
    assert (tmp_path / "test.log").read_text().count("once") >= 1


async def test_stopping_does_not_wait_for_the_back_off(start):
    component = start("raise SystemExit(1)")
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        group.create_task(component.keep_running())
        await until(lambda: component.last_exit == 1)
        component.stop()

    assert component.status()["state"] == "waiting"


async def test_sockets_are_inherited_from_3_on_and_only_there(start, tmp_path):
    first, second = socket.socketpair()
    code = (
        "import os; os.write(3, b'three'); os.write(4, b'four')\n"
        "own = {os.stat(fd).st_ino for fd in (3, 4)}\n"
        "numbers = [fd for fd in range(1000) if os.path.exists(f'/proc/self/fd/{fd}')]\n"
        "print([fd for fd in numbers if os.stat(fd).st_ino in own], flush=True)\n"
        "import signal; signal.pause()"
    )
    with first, second:
        component = start(code, first.fileno(), second.fileno())
        async with asyncio.TaskGroup() as group:
            group.create_task(component.keep_running())
            await until(lambda: "\n" in (tmp_path / "test.log").read_text())
            component.stop()

        assert second.recv(100) == b"three"
        assert first.recv(100) == b"four"
    assert (tmp_path / "test.log").read_text() == "[3, 4]\n"


async def test_what_cannot_be_started_says_so_in_its_log(reaper, tmp_path):
    log = LogFile(tmp_path / "test.log")
    component = Component(Command("test", ("/nowhere/x",)), Place(None), log, reaper)
    async with asyncio.TaskGroup() as group:
        group.create_task(component.keep_running())
        await until(lambda: component.last_exit == 127)
        component.stop()

    assert "cannot start /nowhere/x" in (tmp_path / "test.log").read_text()


async def test_orphans_are_reaped(reaper):
    arguments = [sys.executable, "-c", ""]
    pid = os.posix_spawn(sys.executable, arguments, os.environ)  # noqa: ASYNC221 - returns at once

    await until(lambda: not os.path.exists(f"/proc/{pid}"))
