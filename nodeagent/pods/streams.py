"""Pipes between the agent and the processes it has started, on the event loop."""

import asyncio
import contextlib
import errno
import os
from collections.abc import Callable
from typing import Final

_READ_BYTES: Final = 64 * 1024


class PipeReader:
    """Calls `received` with what comes out of a descriptor, which it owns. `done` at the end.

    The end of a terminal (EIO) is an end like any other.
    """

    def __init__(self, fd: int, received: Callable[[bytes], None]) -> None:
        self._fd = fd
        self._received = received
        self._loop = asyncio.get_running_loop()
        self.done: asyncio.Future[None] = self._loop.create_future()
        os.set_blocking(fd, False)
        self._loop.add_reader(fd, self._on_readable)

    def _on_readable(self) -> None:
        try:
            data = os.read(self._fd, _READ_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno != errno.EIO:
                self.close()
                return
            data = b""
        if data:
            self._received(data)
        else:
            self.close()

    def pause(self) -> None:
        """Let the other side wait: its pipe fills up."""
        if not self.done.done():
            self._loop.remove_reader(self._fd)

    def resume(self) -> None:
        if not self.done.done():
            self._loop.add_reader(self._fd, self._on_readable)

    def close(self) -> None:
        if not self.done.done():
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self.done.set_result(None)


class PipeWriter:
    """Writes to a descriptor, which it owns, with the reader's own pace."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._loop = asyncio.get_running_loop()
        self._closed = False
        self._ready: asyncio.Future[None] | None = None
        os.set_blocking(fd, False)

    async def write(self, data: bytes) -> None:
        """Returns when all is written. What nobody reads any more is dropped."""
        view = memoryview(data)
        while view and not self._closed:
            try:
                view = view[os.write(self._fd, view) :]
            except BlockingIOError:
                await self._writable()
            except OSError:
                self.close()

    async def _writable(self) -> None:
        self._ready = self._loop.create_future()
        self._loop.add_writer(self._fd, self._resume)
        try:
            await self._ready
        finally:
            if not self._closed:
                self._loop.remove_writer(self._fd)

    def _resume(self) -> None:
        if self._ready is not None and not self._ready.done():
            self._ready.set_result(None)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._loop.remove_writer(self._fd)
            os.close(self._fd)
            self._resume()


def close_all(*fds: int) -> None:
    for fd in fds:
        with contextlib.suppress(OSError):
            os.close(fd)
