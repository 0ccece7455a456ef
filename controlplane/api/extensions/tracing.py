"""One live trace: all nodes watch while a pod fetches a URL."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from controlplane.api.errors import StatusError
from controlplane.api.extensions import wire
from controlplane.rpc.agent_types import ExecCommand, Exit, Missed, StdinClosed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from typing import Any

    from controlplane.rpc.agent_types import ContainerTarget, ExecInput, Packet
    from controlplane.rpc.agents import Agent, Agents

FETCH = ("kubehop-http-get", "--json")
"""A program that every pod has. Its last argument is the URL."""
MAX_PACKETS_PER_NODE = 10_000
QUIET_S = 0.2
_MAX_OUTPUT_BYTES = 1 << 20
_TIMED_OUT = 124
"""As timeout(1) exits."""


@dataclass(slots=True)
class _Watched:
    """What one node saw."""

    armed: asyncio.Event = field(default_factory=asyncio.Event)
    packets: list[Packet] = field(default_factory=list)
    lost: str = ""
    missed: int = 0


@dataclass(slots=True)
class _Fetched:
    exit_code: int | None = None
    stdout: bytearray = field(default_factory=bytearray)
    stderr: bytearray = field(default_factory=bytearray)
    refused: StatusError | None = None


class LiveTrace:
    """Watches `addresses` on the named nodes. Use once."""

    def __init__(self, agents: Agents, nodes: list[str], addresses: tuple[str, ...]) -> None:
        self._agents = agents
        self._addresses = addresses
        self._watched = {node: _Watched() for node in nodes}
        self._packet_seen = asyncio.Event()

    async def run(
        self, agent: Agent, target: ContainerTarget, url: str, timeout_s: float
    ) -> list[dict[str, Any]]:
        """Packets by time, then what was lost, then how the fetch ended.

        Ends when the fetch did and nothing was seen for QUIET_S, at latest after `timeout_s`.
        Raises StatusError when the command could not be run at all.
        """
        fetched = _Fetched()
        async with asyncio.TaskGroup() as tasks:
            watching = [tasks.create_task(self._watch(node)) for node in self._watched]
            try:
                async with asyncio.timeout(timeout_s):
                    await self._all_armed()
                    await _fetch(agent, target, url, fetched)
                    await self._quiet()
            except TimeoutError:
                self._note_unarmed(timeout_s)
            for task in watching:
                task.cancel()
        if fetched.refused is not None:
            raise fetched.refused
        return self._lines(fetched, timeout_s)

    async def _watch(self, node: str) -> None:
        watched = self._watched[node]
        try:
            agent = await self._agents.at(node)
            packets = agent.trace(self._addresses, MAX_PACKETS_PER_NODE)
            async with contextlib.aclosing(packets):
                async for packet in packets:
                    if packet is None:
                        watched.armed.set()
                        continue
                    if isinstance(packet, Missed):
                        watched.missed += packet.count
                        continue
                    watched.packets.append(packet)
                    self._packet_seen.set()
            watched.lost = f"the trace ended after {len(watched.packets)} packets"
        except StatusError as error:
            watched.lost = error.message
        finally:
            watched.armed.set()

    async def _all_armed(self) -> None:
        for watched in self._watched.values():
            await watched.armed.wait()

    async def _quiet(self) -> None:
        """Packets of the end of a connection are seen a moment after the command ended."""
        while True:
            self._packet_seen.clear()
            try:
                async with asyncio.timeout(QUIET_S):
                    await self._packet_seen.wait()
            except TimeoutError:
                return

    def _note_unarmed(self, timeout_s: float) -> None:
        for watched in self._watched.values():
            if not watched.armed.is_set():
                watched.lost = f"the trace was not armed within {timeout_s:g} s"

    def _lines(self, fetched: _Fetched, timeout_s: float) -> list[dict[str, Any]]:
        packets = [packet for watched in self._watched.values() for packet in watched.packets]
        packets.sort(key=lambda packet: packet.time_unix_ns)
        lost = [
            wire.warning(node, watched.lost)
            for node, watched in self._watched.items()
            if watched.lost
        ]
        lost += [
            wire.warning(node, f"{watched.missed} packets passed too fast to be reported")
            for node, watched in self._watched.items()
            if watched.missed
        ]
        exit_code = fetched.exit_code
        if exit_code is None:
            exit_code = _TIMED_OUT
            fetched.stderr += f"no answer within {timeout_s:g} s\n".encode()
        ended = wire.result(exit_code, bytes(fetched.stdout), bytes(fetched.stderr))
        return [*map(wire.packet, packets), *lost, ended]


async def _fetch(agent: Agent, target: ContainerTarget, url: str, fetched: _Fetched) -> None:
    async def no_input() -> AsyncIterator[ExecInput]:
        yield StdinClosed()

    command = ExecCommand(target, (*FETCH, url))
    try:
        async with contextlib.aclosing(agent.exec(command, no_input())) as outputs:
            async for output in outputs:
                if isinstance(output, Exit):
                    fetched.exit_code = output.code
                    fetched.stderr += output.error.encode()
                    return
                kept = fetched.stdout if output.stream == "stdout" else fetched.stderr
                kept += output.data[: max(0, _MAX_OUTPUT_BYTES - len(kept))]
    except StatusError as error:
        fetched.refused = error
