"""One program of the cluster, kept running."""

import asyncio
import contextlib
import logging
import os
import signal
import time
from dataclasses import dataclass
from typing import Any

from kubehop.local.commands import Command
from kubehop.local.logfile import LogFile
from kubehop.local.reaper import Reaper
from kubehop.local.spawn import spawn

log = logging.getLogger(__name__)

_FIRST_DELAY_S = 0.1
_MAX_DELAY_S = 10.0
_SETTLED_S = 10.0
"""A program that ran this long starts again without delay."""

_CHUNK_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Place:
    """Where a program runs and what it inherits. `netns` None: the host's network."""

    netns: int | None
    inherited: tuple[int, ...] = ()


class Component:
    """Starts a program again with growing delays whenever it ends. Event-loop thread only."""

    def __init__(self, command: Command, place: Place, logfile: LogFile, reaper: Reaper) -> None:
        self._command, self._place = command, place
        self._log, self._reaper = logfile, reaper
        self._pid: int | None = None
        self._stop = asyncio.Event()
        self._started_at = 0.0
        self.starts = 0
        self.last_exit: int | None = None

    @property
    def name(self) -> str:
        return self._command.component

    async def keep_running(self) -> None:
        """Runs the program until `stop`. The first start happens before the first await."""
        delay_s = _FIRST_DELAY_S
        with contextlib.closing(self._log):
            while True:
                self.last_exit = await self._run_once()
                if self._stop.is_set():
                    return
                log.warning("%s ended with exit code %d", self.name, self.last_exit)
                if time.monotonic() - self._started_at > _SETTLED_S:
                    delay_s = _FIRST_DELAY_S
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stop.wait(), delay_s)
                    return
                delay_s = min(delay_s * 2, _MAX_DELAY_S)

    def stop(self) -> None:
        """Ask the program to end; `keep_running` returns when it has."""
        self._stop.set()
        if self._pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGTERM)

    def status(self) -> dict[str, Any]:
        """Name, state, pid (in the cluster's own PID namespace), restarts, last exit code."""
        return {
            "name": self.name,
            "state": "running" if self._pid is not None else "waiting",
            "pid": self._pid,
            "restarts": max(self.starts - 1, 0),
            "lastExitCode": self.last_exit,
        }

    async def _run_once(self) -> int:
        reading, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        os.set_blocking(writing, True)
        loop = asyncio.get_running_loop()
        try:
            try:
                self._pid = spawn(self._command, self._place.netns, self._place.inherited, writing)
            finally:
                os.close(writing)
            self.starts += 1
            self._started_at = time.monotonic()
            loop.add_reader(reading, self._copy_output, reading)
            return await self._reaper.exit_of(self._pid)
        except OSError as error:
            self._log.write(f"cannot start {self._command.arguments[0]}: {error}\n".encode())
            return 127
        finally:
            self._pid = None
            self._copy_output(reading)
            loop.remove_reader(reading)
            os.close(reading)

    def _copy_output(self, reading: int) -> None:
        try:
            data = os.read(reading, _CHUNK_BYTES)
        except BlockingIOError:
            return
        if not data:
            asyncio.get_running_loop().remove_reader(reading)
            return
        with contextlib.suppress(OSError):  # a full disk must not end the cluster
            self._log.write(data)
