"""The HTTP server of the API: TLS, who is asking, errors as Status objects, health."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from aiohttp import web

from controlplane.api import errors
from controlplane.api.access import User
from controlplane.api.http.authentication import authenticate
from controlplane.api.http.metrics import Metrics
from controlplane.store.base import encode_json
from controlplane.store.errors import StoreError

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Callable

    from controlplane.api.http.authentication import Credentials
    from controlplane.api.http.dispatch import Dispatcher

log = logging.getLogger(__name__)
_HEALTH = ("/healthz", "/livez", "/readyz")
_PUBLIC = (*_HEALTH, "/version")
_MAX_WARNING_LENGTH = 250
SHUTDOWN_GRACE_S = 1.0
_KEEPALIVE_S = 75.0
_MAX_HEADER_BYTES = 16 * 1024
_ANONYMOUS = User("system:anonymous")


class ApiServer:
    """Serves a dispatcher on listening sockets until it is stopped."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        credentials: Credentials | None,
        *,
        ready: Callable[[], bool] = lambda: True,
    ) -> None:
        """Without credentials everybody is the administrator: for tests on loopback only."""
        self._dispatcher = dispatcher
        self._credentials = credentials
        self._ready = ready
        self.metrics = Metrics(dispatcher.registry.store)
        self._runner: web.ServerRunner | None = None

    async def start(self, listeners: list[socket.socket], tls: ssl.SSLContext | None) -> None:
        """Accepts connections from now on."""
        server = web.Server(
            self.handle,
            handler_cancellation=True,
            keepalive_timeout=_KEEPALIVE_S,
            access_log=None,
            max_line_size=_MAX_HEADER_BYTES,
            max_field_size=_MAX_HEADER_BYTES,
        )
        runner = web.ServerRunner(server, shutdown_timeout=SHUTDOWN_GRACE_S)
        await runner.setup()
        self._runner = runner
        for listener in listeners:
            await web.SockSite(runner, listener, ssl_context=tls, backlog=512).start()

    async def stop(self) -> None:
        """Stops accepting, gives requests under way a moment, closes the rest."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """The answer to one request; whatever goes wrong is a Status."""
        warnings: list[str] = []
        try:
            response = await self._answer(request, warnings)  # type: ignore[arg-type]
        except errors.StatusError as error:
            response = status_response(error)
        except (StoreError, asyncio.CancelledError, ConnectionError):
            raise
        except Exception:
            log.exception("%s %s failed", request.method, request.path)
            response = status_response(errors.internal("see the log of the control plane"))
        if not response.prepared:
            for warning in warnings:
                response.headers.add("Warning", warning_header(warning))
        self.metrics.count(request.method, response.status)
        return response

    async def _answer(self, request: web.Request, warnings: list[str]) -> web.StreamResponse:
        path = request.path.rstrip("/") or "/"
        user = authenticate(request, self._credentials)
        if user is None:
            if path not in _PUBLIC:
                raise errors.unauthorized()
        elif path == "/metrics":
            return web.Response(text=self.metrics.render())
        if path.startswith(_HEALTH):
            return self._health(path)
        try:
            return await self._dispatcher.dispatch(request, user or _ANONYMOUS, warnings)
        except StoreError as error:
            log.error("%s %s: %s", request.method, request.path, error)
            raise errors.internal(str(error)) from error

    def _health(self, path: str) -> web.Response:
        if path.startswith("/readyz") and not self._ready():
            return web.Response(status=503, text="the controllers are not running yet")
        return web.Response(text="ok")


def status_response(error: errors.StatusError) -> web.Response:
    """The answer that says why not."""
    response = web.Response(
        status=error.code,
        body=encode_json(error.to_status()) + b"\n",
        content_type="application/json",
    )
    if error.details.retry_after_s:
        response.headers["Retry-After"] = str(error.details.retry_after_s)
    return response


def warning_header(text: str) -> str:
    """A `Warning` header as RFC 7234 5.5 has it, code 299, without control characters."""
    printable = "".join(c if c.isprintable() else " " for c in text)[:_MAX_WARNING_LENGTH]
    quoted = printable.replace("\\", "\\\\").replace('"', '\\"')
    return f'299 - "{quoted}"'
