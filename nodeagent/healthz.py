"""The health pages that a node's kube-proxy has for load balancers.

Source: Kubernetes pkg/proxy/healthcheck (service_health.go, proxy_health.go).
"""

import asyncio
import json
import logging
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial

from netcore.model.service import Service
from netcore.service.health import health_check_ports, local_ready_endpoints
from nodeagent.agent import Agent
from nodeagent.workloads.http_message import Request, Response
from nodeagent.workloads.http_server import Handler, HttpConnection

log = logging.getLogger(__name__)

HEALTHZ_PORT = 10256
_RETRY_S = 5.0
_PATHS = ("/healthz", "/livez")
_ServiceKey = tuple[str, str]


class ProxyHealth:
    """Serves the proxy's own page and one for every Service that has a healthCheckNodePort.

    Answers say how things are when they are asked.
    """

    def __init__(
        self, agent: Agent, hosts: tuple[str, ...], healthz_port: int = HEALTHZ_PORT
    ) -> None:
        self._agent = agent
        self._hosts = hosts
        self._healthz_port = healthz_port
        self._changed = asyncio.Event()
        self._seen: object = None
        self._open: dict[int, tuple[_ServiceKey | None, asyncio.Server]] = {}
        self._refused: set[int] = set()

    def update(self) -> None:
        """The agent's snapshot may have other Services than before."""
        services = self._agent.snapshot.services
        if services is not self._seen:
            self._seen = services
            self._changed.set()

    async def serve(self) -> None:
        """Listen at what is wanted, until cancelled; a port that is taken is tried again."""
        async with asyncio.TaskGroup() as tasks:
            try:
                while True:
                    await self._reconcile(tasks)
                    with suppress(TimeoutError):
                        async with asyncio.timeout(_RETRY_S if self._refused else None):
                            await self._changed.wait()
                    self._changed.clear()
            finally:
                for _, server in self._open.values():
                    server.close()

    async def _reconcile(self, tasks: asyncio.TaskGroup) -> None:
        services = self._agent.snapshot.services.values()
        wanted = {**health_check_ports(services), self._healthz_port: None}
        for port, (key, server) in tuple(self._open.items()):
            if port not in wanted or wanted[port] != key:
                del self._open[port]
                server.close()
        missing = [(port, key) for port, key in wanted.items() if port not in self._open]
        self._refused = {port for port, key in missing if not await self._listen(tasks, port, key)}

    async def _listen(self, tasks: asyncio.TaskGroup, port: int, key: _ServiceKey | None) -> bool:
        handler: Handler = self._healthz if key is None else partial(self._service_page, key)
        loop = asyncio.get_running_loop()
        try:
            server = await loop.create_server(
                lambda: HttpConnection(handler, tasks), self._hosts, port
            )
        except OSError as error:
            if port not in self._refused:
                log.warning("no health page at port %d: %s", port, error.strerror)
            return False
        self._open[port] = (key, server)
        return True

    def _healthz(self, request: Request) -> Response:
        if request.path not in _PATHS:
            return Response(404, b"404 page not found\n")
        now = _go_time(datetime.now(UTC))
        body = {"lastUpdated": now, "currentTime": now, "nodeEligible": True}
        return _json(200 if self._is_healthy else 503, body)

    def _service_page(self, key: _ServiceKey, _: Request) -> Response:
        snapshot = self._agent.snapshot
        names = snapshot.slices_by_service.get(key, ())
        slices = [snapshot.endpoint_slices[name] for name in names]
        service = snapshot.services.get(key, Service(*key))  # it may just be going
        count = local_ready_endpoints(service, slices, snapshot.node_name)
        body = {
            "service": {"namespace": key[0], "name": key[1]},
            "localEndpoints": count,
            "serviceProxyHealthy": self._is_healthy,
        }
        answer = _json(200 if count and self._is_healthy else 503, body)
        answer.headers.append(("X-Load-Balancing-Endpoint-Weight", str(count)))
        return answer

    @property
    def _is_healthy(self) -> bool:
        return self._agent.readiness[0]


def _json(status: int, body: dict[str, object]) -> Response:
    headers = [("X-Content-Type-Options", "nosniff")]
    return Response(status, json.dumps(body, indent="\t").encode(), "application/json", headers)


def _go_time(moment: datetime) -> str:
    """As Go's time.Time prints itself."""
    return f"{moment:%Y-%m-%d %H:%M:%S.%f} +0000 UTC"
