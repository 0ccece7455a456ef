"""An HTTP/1.1 server on asyncio protocols: keep-alive, pipelining, large files by sendfile."""

import asyncio
import contextlib
import os
import ssl
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from email.utils import formatdate
from typing import Final

from nodeagent.workloads.http_message import (
    BadRequest,
    Request,
    RequestParser,
    Response,
    encode_head,
)

Handler = Callable[[Request], Response | Awaitable[Response]]

_PIPELINE_MAX: Final = 64
_IDLE_TIMEOUT_S: Final = 180.0


class HttpConnection(asyncio.Protocol):
    """One client. Requests of a connection are answered one after the other, in order."""

    def __init__(self, handler: Handler, tasks: asyncio.TaskGroup) -> None:
        self._handler = handler
        self._tasks = tasks
        self._parser = RequestParser()
        self._waiting: deque[Request] = deque()
        self._busy = False
        self._continue_sent = False
        self._peer = ""
        self._writable = asyncio.Event()
        self._writable.set()
        self._transport: asyncio.Transport
        self._idle: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        peer = transport.get_extra_info("peername") or ("", 0)
        self._peer = f"[{peer[0]}]:{peer[1]}" if ":" in peer[0] else f"{peer[0]}:{peer[1]}"
        self._await_data()

    def connection_lost(self, exc: Exception | None) -> None:
        self._waiting.clear()
        self._writable.set()
        if self._idle is not None:
            self._idle.cancel()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        try:
            requests = self._parser.feed(data)
        except BadRequest as error:
            self._refuse(error)
            return
        self._waiting.extend(requests)
        if self._parser.wants_continue and not self._continue_sent:
            self._continue_sent = True
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if len(self._waiting) > _PIPELINE_MAX:
            self._transport.pause_reading()
        if not self._busy:
            self._answer_waiting()

    def _await_data(self) -> None:
        loop = asyncio.get_running_loop()
        self._idle = loop.call_later(_IDLE_TIMEOUT_S, self._transport.close)

    def _answer_waiting(self) -> None:
        """Answer what can be answered at once; hand the first slow one to a task."""
        while self._waiting and not self._transport.is_closing():
            request = self._waiting.popleft()
            request.peer = self._peer
            self._continue_sent = False
            response = self._handler(request)
            if isinstance(response, Response) and response.file is None:
                self._write(request, response)
            else:
                self._busy = True
                self._tasks.create_task(self._answer_slowly(request, response))
                return
        if not self._transport.is_closing():
            self._transport.resume_reading()
            self._await_data()

    async def _answer_slowly(
        self, request: Request, pending: Response | Awaitable[Response]
    ) -> None:
        response = pending if isinstance(pending, Response) else await pending
        if not self._transport.is_closing():
            if response.file is None:
                self._write(request, response)
            else:
                await self._send_file(request, response, response.file)
        await self._writable.wait()
        self._busy = False
        self._answer_waiting()

    def _write(self, request: Request, response: Response) -> None:
        keep_alive = request.keep_alive and not response.close
        head = encode_head(response, len(response.body), http_date(), keep_alive=keep_alive)
        self._transport.write(head if request.method == "HEAD" else head + response.body)
        if not keep_alive:
            self._transport.close()

    async def _send_file(self, request: Request, response: Response, path: str) -> None:
        try:
            stream = await asyncio.to_thread(open, path, "rb")
        except OSError:
            self._write(request, Response(404, b"404 page not found\n"))
            return
        with stream:
            length = os.fstat(stream.fileno()).st_size
            head = encode_head(response, length, http_date(), keep_alive=request.keep_alive)
            self._transport.write(head)
            if request.method != "HEAD" and length:
                with contextlib.suppress(OSError, RuntimeError):  # the client went away
                    await asyncio.get_running_loop().sendfile(
                        self._transport, stream, 0, length, fallback=True
                    )
        if not request.keep_alive:
            self._transport.close()

    def _refuse(self, error: BadRequest) -> None:
        response = Response(error.status, f"{error.status} Bad Request: {error}".encode())
        head = encode_head(response, len(response.body), http_date(), keep_alive=False)
        self._transport.write(head + response.body)
        self._transport.close()


_date = (0, "")


def http_date() -> str:
    """Now as RFC 9110 wants it; computed once a second."""
    global _date
    now = int(time.time())
    if _date[0] != now:
        _date = (now, formatdate(now, usegmt=True))
    return _date[1]


@contextlib.asynccontextmanager
async def serve_http(
    handler: Handler, host: str | None, port: int, tls: ssl.SSLContext | None = None
) -> AsyncIterator[asyncio.Server]:
    """Serve while the context is open; `host` None is every address, IPv4 and IPv6."""
    async with asyncio.TaskGroup() as tasks:
        server = await asyncio.get_running_loop().create_server(
            lambda: HttpConnection(handler, tasks), host, port, ssl=tls, backlog=1024
        )
        try:
            yield server
        finally:
            server.close()
