"""The node's `/metrics`, where Prometheus finds kube-proxy's."""

import asyncio
import logging
from collections.abc import Callable, Iterable

from prometheus_client import CONTENT_TYPE_LATEST

from nodeagent.workloads.http_message import Request, Response
from nodeagent.workloads.http_server import HttpConnection

log = logging.getLogger(__name__)

METRICS_PORT = 10249
_RETRY_S = 5.0


class MetricsPage:
    """Serves plain HTTP at some addresses."""

    def __init__(self, metrics: Callable[[], bytes], listens: Iterable[tuple[str, int]]) -> None:
        """`metrics` gives all of them in Prometheus' text format."""
        self._metrics = metrics
        self._missing = list(listens)
        self._open: list[asyncio.Server] = []

    @property
    def ports(self) -> list[int]:
        """Those that are listened at."""
        return [server.sockets[0].getsockname()[1] for server in self._open]

    async def serve(self) -> None:
        """Until cancelled; an address that cannot be had is tried again."""
        async with asyncio.TaskGroup() as tasks:
            try:
                said = False
                while True:
                    self._missing = [
                        listen
                        for listen in self._missing
                        if not await self._listen(tasks, *listen, quiet=said)
                    ]
                    said = True
                    if not self._missing:
                        await asyncio.get_running_loop().create_future()
                    await asyncio.sleep(_RETRY_S)
            finally:
                for server in self._open:
                    server.close()

    async def _listen(self, tasks: asyncio.TaskGroup, host: str, port: int, *, quiet: bool) -> bool:
        try:
            server = await asyncio.get_running_loop().create_server(
                lambda: HttpConnection(self._answer, tasks), host, port
            )
        except OSError as error:
            if not quiet:
                log.warning("no metrics at %s port %d: %s", host, port, error.strerror)
            return False
        self._open.append(server)
        return True

    def _answer(self, request: Request) -> Response:
        if request.path != "/metrics":
            return Response(404, b"404 page not found\n")
        if request.method not in ("GET", "HEAD"):
            return Response(405, b"405 method not allowed\n")
        return Response(200, self._metrics(), CONTENT_TYPE_LATEST)
