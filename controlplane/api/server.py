"""The HTTP server of the API: TLS, who is asking, errors as Status objects, health."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry

from controlplane.api import errors
from controlplane.api.access.attributes import forbidden, of_http
from controlplane.api.access.impersonation import acting_user
from controlplane.api.http.authentication import authenticate
from controlplane.api.http.connection import TLS_HANDSHAKE_S, connection_server
from controlplane.api.http.encode import status_response
from controlplane.api.http.metrics import Metrics
from controlplane.store.errors import StoreError

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Callable

    from controlplane.api.access.service import Access
    from controlplane.api.http.dispatch import Dispatcher

log = logging.getLogger(__name__)
_HEALTH = ("/healthz", "/livez", "/readyz")
_MAX_WARNING_LENGTH = 250
SHUTDOWN_GRACE_S = 1.0
_BACKLOG = 512
_BROKEN_OFF = 499  # as nginx has it for clients that left


class ApiServer:
    """Serves a dispatcher on listening sockets until it is stopped."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        access: Access | None,
        *,
        ready: Callable[[], bool] = lambda: True,
        metrics: CollectorRegistry | None = None,
    ) -> None:
        """Without `access` everybody is the administrator: for tests on loopback only.
        `/metrics` shows the registry `metrics`, to which what is served here is added.
        """
        self._dispatcher = dispatcher
        self._access = access
        self._ready = ready
        self.metrics = Metrics(metrics or CollectorRegistry(), dispatcher)
        self._runner: web.ServerRunner | None = None
        self._listening: list[asyncio.Server] = []

    async def start(self, listeners: list[socket.socket], tls: ssl.SSLContext | None) -> None:
        """Accepts connections from now on."""
        server = connection_server(self.handle)
        runner = web.ServerRunner(server, shutdown_timeout=SHUTDOWN_GRACE_S)
        await runner.setup()
        self._runner = runner
        loop = asyncio.get_running_loop()
        handshake_s = TLS_HANDSHAKE_S if tls else None
        for listener in listeners:
            self._listening.append(
                await loop.create_server(
                    server,
                    sock=listener,
                    ssl=tls,
                    backlog=_BACKLOG,
                    ssl_handshake_timeout=handshake_s,
                )
            )

    async def stop(self) -> None:
        """Stops accepting, gives requests under way a moment, closes the rest."""
        while self._listening:
            self._listening.pop().close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """The answer to one request; whatever goes wrong is a Status."""
        serving = self.metrics.begin(request)
        code = _BROKEN_OFF
        try:
            response = await self._served(request)
            code = response.status
        finally:
            serving.end(code)
        return response

    async def _served(self, request: web.BaseRequest) -> web.StreamResponse:
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
        return response

    async def _answer(self, request: web.Request, warnings: list[str]) -> web.StreamResponse:
        path = request.path.rstrip("/") or "/"
        user = await authenticate(request, self._access)
        if self._access is not None:
            authorizer = self._access.authorizer
            user = acting_user(user, request.headers, authorizer)
            wanted = of_http(request.method, request.raw_path.partition("?")[0], request.query)
            if not authorizer.decide(user, wanted).allowed:
                raise forbidden(user, wanted)
        if path == "/metrics":
            headers = {"Content-Type": CONTENT_TYPE_LATEST}
            return web.Response(body=self.metrics.render(), headers=headers)
        if path.startswith(_HEALTH):
            return self._health(path)
        try:
            return await self._dispatcher.dispatch(request, user, warnings)
        except StoreError as error:
            log.error("%s %s: %s", request.method, request.path, error)
            raise errors.internal(str(error)) from error

    def _health(self, path: str) -> web.Response:
        if path.startswith("/readyz") and not self._ready():
            return web.Response(status=503, text="the controllers are not running yet")
        return web.Response(text="ok")


def warning_header(text: str) -> str:
    """A `Warning` header as RFC 7234 5.5 has it, code 299, without control characters."""
    printable = "".join(c if c.isprintable() else " " for c in text)[:_MAX_WARNING_LENGTH]
    quoted = printable.replace("\\", "\\\\").replace('"', '\\"')
    return f'299 - "{quoted}"'
