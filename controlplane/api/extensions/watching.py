"""All nodes watch the packets of some addresses at the same time."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from controlplane.api.errors import StatusError
from controlplane.api.extensions import wire
from controlplane.rpc.agent_types import Missed

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from controlplane.rpc.agent_types import Packet
    from controlplane.rpc.agents import Agents

MAX_PACKETS_PER_NODE = 10_000
QUIET_S = 0.2


@dataclass(slots=True)
class _Watched:
    """What one node saw."""

    armed: asyncio.Event = field(default_factory=asyncio.Event)
    packets: list[Packet] = field(default_factory=list)
    lost: str = ""
    missed: int = 0


class NodesWatch:
    """What the named nodes see of `addresses`. Use once; `on_packet` is told of each packet."""

    def __init__(
        self,
        agents: Agents,
        nodes: list[str],
        addresses: tuple[str, ...],
        on_packet: Callable[[Packet], None] | None = None,
    ) -> None:
        self._agents = agents
        self._addresses = addresses
        self._on_packet = on_packet
        self._watched = {node: _Watched() for node in nodes}
        self._packet_seen = asyncio.Event()

    def start(self, tasks: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        """One task a node, to be cancelled by the caller."""
        return [tasks.create_task(self._watch(node)) for node in self._watched]

    async def all_armed(self) -> None:
        """Every node watches, or has said why it does not."""
        for watched in self._watched.values():
            await watched.armed.wait()

    async def quiet(self) -> None:
        """Packets of the end of a connection are seen a moment after the command ended."""
        while True:
            self._packet_seen.clear()
            try:
                async with asyncio.timeout(QUIET_S):
                    await self._packet_seen.wait()
            except TimeoutError:
                return

    def note_unarmed(self, timeout_s: float) -> None:
        """Nodes that still have not answered are lost to this trace."""
        for watched in self._watched.values():
            if not watched.armed.is_set():
                watched.lost = f"the trace was not armed within {timeout_s:g} s"

    def armed_nodes(self) -> list[str]:
        """Those that watch."""
        return [node for node, watched in self._watched.items() if not watched.lost]

    def packets(self) -> list[dict[str, Any]]:
        """Lines of what was seen, by time."""
        found = [packet for watched in self._watched.values() for packet in watched.packets]
        return [*map(wire.packet, sorted(found, key=lambda packet: packet.time_unix_ns))]

    def warnings(self) -> list[dict[str, Any]]:
        """Lines about what could not be seen."""
        nodes = self._watched.items()
        lost = [wire.warning(node, watched.lost) for node, watched in nodes if watched.lost]
        return lost + [
            wire.warning(node, f"{watched.missed} packets passed too fast to be reported")
            for node, watched in nodes
            if watched.missed
        ]

    async def _watch(self, node: str) -> None:
        watched = self._watched[node]
        try:
            agent = await self._agents.at(node)
            packets = agent.trace(self._addresses, MAX_PACKETS_PER_NODE)
            async with contextlib.aclosing(packets):
                async for packet in packets:
                    if packet is None:
                        watched.armed.set()
                    elif isinstance(packet, Missed):
                        watched.missed += packet.count
                    else:
                        self._see(watched, packet)
            watched.lost = f"the trace ended after {len(watched.packets)} packets"
        except StatusError as error:
            watched.lost = error.message
        finally:
            watched.armed.set()

    def _see(self, watched: _Watched, packet: Packet) -> None:
        watched.packets.append(packet)
        self._packet_seen.set()
        if self._on_packet is not None:
            self._on_packet(packet)
