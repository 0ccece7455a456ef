"""POST kubehop.dev/v1alpha1 traces: one packet sent and watched, or packets watched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

from controlplane.api.extensions import wire
from controlplane.api.extensions.packet_request import FromPod, parse_packet_request
from controlplane.api.extensions.packet_tracing import SentTrace, WatchedTrace
from controlplane.api.extensions.targets import (
    node_addresses,
    nodes_to_watch,
    running_addresses,
)
from controlplane.api.http.body import read
from controlplane.rpc.agent_types import ContainerTarget

if TYPE_CHECKING:
    from controlplane.api.extensions.packet_request import Destination, FromNode, PacketTrace
    from controlplane.api.strategy import Reader
    from controlplane.rpc.agents import Agents


class PacketTraces:
    """Serves the resource."""

    def __init__(self, reader: Reader, agents: Agents) -> None:
        self._reader = reader
        self._agents = agents

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """NDJSON. Raises StatusError before anything is sent."""
        wanted = parse_packet_request(await read(request))
        if wanted.source is None or wanted.destination is None:
            return await self._watch(request, wanted)
        lines = await self._send(wanted, wanted.source, wanted.destination)
        return web.Response(body=b"".join(map(wire.line, lines)), content_type=wire.NDJSON)

    async def _send(
        self, wanted: PacketTrace, source: FromPod | FromNode, to: Destination
    ) -> list[dict[str, Any]]:
        container = None
        if isinstance(source, FromPod):
            pod = await self._reader.get("pods", source.name, source.namespace)
            own, node = running_addresses(pod), pod["spec"]["nodeName"]
            first = pod["spec"]["containers"][0]["name"]
            container = ContainerTarget(source.namespace, source.name, first)
        else:
            node = source.name
            own = node_addresses(await self._reader.get("nodes", node))
        agent = await self._agents.at(node)
        watching = await nodes_to_watch(self._reader, node)
        addresses = tuple(dict.fromkeys((*own, *wanted.addresses)))
        trace = SentTrace(self._agents, watching, addresses)
        return await trace.run(agent, container, to, wanted.timeout_s)

    async def _watch(self, request: web.Request, wanted: PacketTrace) -> web.StreamResponse:
        watching = await nodes_to_watch(self._reader)
        response = web.StreamResponse(headers={"Content-Type": wire.NDJSON})
        await response.prepare(request)

        async def write(line: dict[str, Any]) -> None:
            await response.write(wire.line(line))

        def is_gone() -> bool:
            return request.transport is None or request.transport.is_closing()

        trace = WatchedTrace(self._agents, watching, wanted.addresses)
        try:
            await trace.run(write, is_gone, wanted.timeout_s)
        except* ConnectionResetError:
            pass  # the reader has seen enough
        return response
