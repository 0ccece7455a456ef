"""`GET .../nodes/{node}/proxy/metrics`: a node's own metrics, without a way to the node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from controlplane.api.errors import method_not_allowed, no_such_path

if TYPE_CHECKING:
    from controlplane.api.http.request_info import RequestInfo
    from controlplane.rpc.agents import Agents

_PATH = "metrics"


class NodeProxyHandler:
    """Of what a kubelet serves behind `proxy/` only the metrics."""

    def __init__(self, agents: Agents) -> None:
        self._agents = agents

    async def __call__(self, request: web.Request, info: RequestInfo) -> web.StreamResponse:
        """The metrics. Raises StatusError 404 for other paths, 500 when the node is away."""
        if info.path_below != _PATH:
            raise no_such_path()
        if info.verb != "get":
            raise method_not_allowed()
        agent = await self._agents.at(info.name or "")
        text = await agent.metrics()
        return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE_LATEST})
