"""Connections of HTTP clients: how many, how long they may be silent, nonsense refused."""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)

FIRST_REQUEST_S = 30.0
_KEEPALIVE_S = 75.0
_MAX_HEADER_BYTES = 16 * 1024


class ConnectionServer(web.Server):
    """Makes the connections that a listening socket accepts, not more than `limit` at a time.

    What is over the limit is closed at once, and so is who sends no whole request in
    `first_request_s`. `refuse` makes the answer to what is no HTTP from the reason.
    """

    def __init__(
        self,
        handle: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
        refuse: Callable[[str], web.StreamResponse],
        *,
        limit: int,
        first_request_s: float = FIRST_REQUEST_S,
        auto_decompress: bool = True,
        access_log: logging.Logger | None = None,
    ) -> None:
        async def serve(request: web.BaseRequest) -> web.StreamResponse:
            if isinstance(request.protocol, Connection):
                request.protocol.request_arrived()
            return await handle(request)

        super().__init__(serve, handler_cancellation=True)
        self.refuse = refuse
        self.first_request_s = first_request_s
        self._auto_decompress = auto_decompress
        self._access_log = access_log
        self._limit = limit
        self._open: set[Connection] = set()

    def __call__(self) -> Connection:
        """The protocol of one connection."""
        return Connection(
            self,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=_KEEPALIVE_S,
            access_log=self._access_log,
            max_line_size=_MAX_HEADER_BYTES,
            max_field_size=_MAX_HEADER_BYTES,
            auto_decompress=self._auto_decompress,
        )

    def enter(self, connection: Connection) -> bool:
        """Whether there is room for one more."""
        if len(self._open) >= self._limit:
            log.warning("%d connections are open: another one is refused", len(self._open))
            return False
        self._open.add(connection)
        return True

    def leave(self, connection: Connection) -> None:
        """Makes room, if it had any."""
        self._open.discard(connection)


class Connection(web.RequestHandler):
    """One client's connection, with a deadline until its first request is there."""

    __slots__ = ("_deadline", "_server")

    def __init__(self, server: ConnectionServer, **options: Any) -> None:
        super().__init__(server, **options)
        self._server = server
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Starts the deadline, or closes what is too much."""
        super().connection_made(transport)
        if self._server.enter(self):
            loop = asyncio.get_running_loop()
            self._deadline = loop.call_later(self._server.first_request_s, self.force_close)
        elif isinstance(transport, asyncio.Transport):
            transport.abort()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Makes room for another one."""
        self._server.leave(self)
        self.request_arrived()
        super().connection_lost(exc)

    def request_arrived(self) -> None:
        """From now on only the time between two requests is limited."""
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to what is no HTTP."""
        if status != HTTPStatus.BAD_REQUEST or request.writer.output_size > 0:
            return super().handle_error(request, status, exc, message)
        why = (message or "").partition("\n")[0].rstrip(": ") or "unreadable request"
        log.info("request from %s: %s", request.remote, why)
        response = self._server.refuse(why)
        response.force_close()
        return response

    def log_exception(self, *args: Any, **kwargs: Any) -> None:
        """A client's broken body is its own failure, told to it alone."""
        if not isinstance(kwargs.get("exc_info"), web.RequestPayloadError):
            super().log_exception(*args, **kwargs)
