"""The routes of kubehop.dev/v1alpha1: traces of pods, tables of nodes, captures, flows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

from controlplane.api.errors import bad_request, method_not_allowed, no_such_path
from controlplane.api.extensions import wire
from controlplane.api.extensions.capture_places import orders
from controlplane.api.extensions.capture_request import parse_request as parse_capture
from controlplane.api.extensions.capturing import LiveCapture
from controlplane.api.extensions.flows import serve_flows
from controlplane.api.extensions.packet_traces import PacketTraces
from controlplane.api.extensions.targets import nodes_to_watch, running_addresses
from controlplane.api.extensions.trace_request import HttpTrace, parse_request
from controlplane.api.extensions.tracing import LiveTrace
from controlplane.api.http.body import read
from controlplane.rpc.agent_types import ContainerTarget

if TYPE_CHECKING:
    from controlplane.api.http.request_info import RequestInfo
    from controlplane.api.strategy import Reader
    from controlplane.rpc.agent_types import Flow
    from controlplane.rpc.agents import Agents

GROUP = "kubehop.dev"
VERSION = "v1alpha1"
_MAX_TABLES = 32


class ExtensionHandler:
    """Serves the whole group."""

    def __init__(self, reader: Reader, agents: Agents) -> None:
        self._reader = reader
        self._agents = agents
        self._packets = PacketTraces(reader, agents)

    async def __call__(self, request: web.Request, info: RequestInfo) -> web.StreamResponse:
        """The answer. Raises StatusError before anything is sent."""
        if info.version != VERSION:
            raise no_such_path()
        if not info.name and info.namespace is None:
            return await self._of_the_cluster(request, info)
        if not info.name:
            raise no_such_path()
        match info.resource, info.subresource, info.namespace:
            case "pods", "trace", str():
                if info.verb != "create":
                    raise method_not_allowed()
                return await self._trace(request, info)
            case "nodes", "dump", None:
                if info.verb != "get":
                    raise method_not_allowed()
                return await self._dump(request, info.name)
        raise no_such_path()

    async def _capture(self, request: web.Request) -> web.StreamResponse:
        wish = parse_capture(await read(request))
        capture = LiveCapture(self._agents, await orders(self._reader, wish))
        return await capture.run(request, wish.timeout_s)

    async def _of_the_cluster(self, request: web.Request, info: RequestInfo) -> web.StreamResponse:
        match info.resource, info.verb:
            case "captures", "create":
                return await self._capture(request)
            case "flows", "list":
                return await serve_flows(request, self._reader, self._agents)
            case "traces", "create":
                return await self._packets.serve(request)
            case (("captures" | "flows" | "traces"), _):
                raise method_not_allowed()
        raise no_such_path()

    async def _dump(self, request: web.Request, node: str) -> web.Response:
        tables = tuple(request.query.getall("table", []))
        if len(tables) > _MAX_TABLES:
            raise bad_request(f"at most {_MAX_TABLES} tables at once")
        agent = await self._agents.at(node)
        return web.json_response(wire.dump(node, await agent.dump(tables)))

    async def _trace(self, request: web.Request, info: RequestInfo) -> web.Response:
        wanted = parse_request(await read(request))
        pod = await self._reader.get("pods", info.name or "", info.namespace)
        addresses = running_addresses(pod)
        if isinstance(wanted, HttpTrace):
            lines = await self._live(pod, addresses, wanted)
        else:
            lines = [await self._probe(pod, wanted)]
        return web.Response(body=b"".join(map(wire.line, lines)), content_type=wire.NDJSON)

    async def _probe(self, pod: dict[str, Any], flow: Flow) -> dict[str, Any]:
        about = pod["metadata"]
        agent = await self._agents.at(pod["spec"]["nodeName"])
        return wire.packet(await agent.probe(about["namespace"], about["name"], flow))

    async def _live(
        self, pod: dict[str, Any], addresses: tuple[str, ...], wanted: HttpTrace
    ) -> list[dict[str, Any]]:
        agent = await self._agents.at(pod["spec"]["nodeName"])
        watching = await nodes_to_watch(self._reader, agent.node_name)
        about = pod["metadata"]
        first = pod["spec"]["containers"][0]["name"]
        target = ContainerTarget(about["namespace"], about["name"], first)
        trace = LiveTrace(self._agents, watching, addresses)
        return await trace.run(agent, target, wanted.url, wanted.timeout_s)
