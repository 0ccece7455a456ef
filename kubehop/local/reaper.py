"""Exit codes of children, for the first process of a PID namespace: orphans become its own."""

import asyncio
import os
import signal


class Reaper:
    """Collects every ended child. Event-loop thread only."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._awaited: dict[int, asyncio.Future[int]] = {}
        loop.add_signal_handler(signal.SIGCHLD, self.collect)

    def exit_of(self, pid: int) -> asyncio.Future[int]:
        """Done with the exit code (128 + signal when killed).

        Call it in the same turn of the event loop that started the child.
        """
        future: asyncio.Future[int] = self._loop.create_future()
        self._awaited[pid] = future
        return future

    def collect(self) -> None:
        """Take the exit codes of all children that have ended; others are thrown away."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            code = os.waitstatus_to_exitcode(status)
            future = self._awaited.pop(pid, None)
            if future is not None and not future.done():
                future.set_result(code if code >= 0 else 128 - code)
