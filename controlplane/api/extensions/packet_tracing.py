"""The trace of one packet: all nodes watch while it is sent.

The lines of the answer: `armed` with the trace's id and the nodes that watch, then what the
sending program says (`resolved`, `sending`, `reply`), `packet`s by time, `warning`s, `result`.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from typing import TYPE_CHECKING

from controlplane.api.errors import StatusError
from controlplane.api.extensions import wire
from controlplane.api.extensions.tracing import TIMED_OUT, Executed, execute
from controlplane.api.extensions.watching import QUIET_S, NodesWatch
from controlplane.rpc.agent_types import ContainerTarget, ExecCommand

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

    from controlplane.api.extensions.packet_request import Destination
    from controlplane.rpc.agent_types import Flow, Packet
    from controlplane.rpc.agents import Agent, Agents

PROGRAM = "/opt/kubehop/libexec/kubehop-packet"
"""Every pod has it, whatever its image and its PATH."""
_MARGIN_S = 2.0
_ID_BYTES = 4
_MAX_QUEUED = 10_000
_POLL_S = 0.5
_SAID = ("resolved", "sending", "reply")


class SentTrace:
    """Sends one packet. Use once."""

    def __init__(self, agents: Agents, nodes: list[str], addresses: tuple[str, ...]) -> None:
        self.trace_id = secrets.token_hex(_ID_BYTES)
        self._watch = NodesWatch(agents, nodes, addresses, self._see)
        self._executed = Executed()
        self._dropped: set[tuple[str, int]] = set()
        self._news = asyncio.Event()

    async def run(
        self, agent: Agent, container: ContainerTarget | None, to: Destination, timeout_s: float
    ) -> list[dict[str, Any]]:
        """From a container's pod, or from the agent's node itself.

        Raises StatusError when the packet could not be sent at all.
        """
        arguments = self._arguments(to, timeout_s)
        async with asyncio.TaskGroup() as tasks:
            watching = self._watch.start(tasks)
            try:
                async with asyncio.timeout(timeout_s + _MARGIN_S):
                    await self._watch.all_armed()
                    if container is None:
                        await self._send_from_node(agent, arguments, timeout_s + _MARGIN_S)
                    else:
                        await self._send_from_pod(agent, container, arguments)
                    await self._watch.quiet()
            except TimeoutError:
                self._watch.note_unarmed(timeout_s)
            for task in watching:
                task.cancel()
        if self._executed.refused is not None:
            raise self._executed.refused
        return self._lines()

    def _arguments(self, to: Destination, timeout_s: float) -> tuple[str, ...]:
        options = {
            "protocol": to.protocol,
            "port": str(to.port),
            "timeout": f"{timeout_s:g}",
            "id": self.trace_id,
        }
        return (*(f"-{name}={value}" for name, value in options.items()), to.host)

    async def _send_from_node(
        self, agent: Agent, arguments: tuple[str, ...], timeout_s: float
    ) -> None:
        executed = self._executed
        try:
            code, stdout, stderr = await agent.send(arguments, timeout_s)
        except StatusError as error:
            executed.refused = error
            return
        executed.exit_code = code
        executed.stdout += stdout
        executed.stderr += stderr

    async def _send_from_pod(
        self, agent: Agent, container: ContainerTarget, arguments: tuple[str, ...]
    ) -> None:
        """Ends early when a node is seen to drop the packet: no answer will come."""
        command = ExecCommand(container, (PROGRAM, *arguments))
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(execute(agent, command, self._executed, self._news.set))
            hopeless = tasks.create_task(self._hopeless())
            await asyncio.wait({running, hopeless}, return_when=asyncio.FIRST_COMPLETED)
            running.cancel()
            hopeless.cancel()

    async def _hopeless(self) -> None:
        """A node may tell of the drop before the program's own words are here, or after."""
        while not self._is_dropped():
            await self._news.wait()
            self._news.clear()
        await asyncio.sleep(QUIET_S)

    def _is_dropped(self) -> bool:
        sent = (said for said in self._said() if said["type"] == "sending")
        return any((said["source"], said["sourcePort"]) in self._dropped for said in sent)

    def _see(self, packet: Packet) -> None:
        if packet.verdict == "Drop" and len(self._dropped) < _MAX_QUEUED:
            for hop in packet.hops:
                self._dropped.update(_ends(hop.before) if hop.before else ())
            self._news.set()

    def _said(self) -> list[dict[str, Any]]:
        """What the program has said so far; a line that is not finished yet is left out."""
        complete, _, _ = self._executed.stdout.rpartition(b"\n")
        lines = []
        for line in complete.splitlines():
            try:
                found = json.loads(line)
            except ValueError:
                continue  # a pod may have put anything in the program's place
            if isinstance(found, dict) and found.get("type") in _SAID:
                lines.append(found)
        return lines

    def _lines(self) -> list[dict[str, Any]]:
        executed = self._executed
        code = TIMED_OUT if executed.exit_code is None else executed.exit_code
        return [
            wire.armed(self.trace_id, self._watch.armed_nodes()),
            *self._said(),
            *self._watch.packets(),
            *self._watch.warnings(),
            wire.result(code, b"", bytes(executed.stderr)),
        ]


class WatchedTrace:
    """Sends nothing: tells what passes, as it passes. Use once."""

    def __init__(self, agents: Agents, nodes: list[str], addresses: tuple[str, ...]) -> None:
        self._queue: asyncio.Queue[Packet] = asyncio.Queue(_MAX_QUEUED)
        self._unqueued = 0
        self._watch = NodesWatch(agents, nodes, addresses, self._see)

    async def run(
        self,
        write: Callable[[dict[str, Any]], Awaitable[None]],
        is_gone: Callable[[], bool],
        timeout_s: float,
    ) -> None:
        """Until the timeout or `is_gone`: nobody reads any more."""
        async with asyncio.TaskGroup() as tasks:
            watching = self._watch.start(tasks)
            try:
                async with asyncio.timeout(timeout_s):
                    await self._watch.all_armed()
                    await write(wire.armed(secrets.token_hex(_ID_BYTES), self._watch.armed_nodes()))
                    for line in self._watch.warnings():
                        await write(line)
                    await self._pass_on(write, is_gone)
            except TimeoutError:
                self._watch.note_unarmed(timeout_s)
            finally:
                for task in watching:
                    task.cancel()
        for line in self._watch.warnings():
            await write(line)
        if self._unqueued:
            message = f"{self._unqueued} packets passed while nobody read"
            await write(wire.warning("", message))

    def _see(self, packet: Packet) -> None:
        try:
            self._queue.put_nowait(packet)
        except asyncio.QueueFull:
            self._unqueued += 1

    async def _pass_on(
        self, write: Callable[[dict[str, Any]], Awaitable[None]], is_gone: Callable[[], bool]
    ) -> None:
        while not is_gone():
            try:
                packet = await asyncio.wait_for(self._queue.get(), _POLL_S)
            except TimeoutError:
                continue
            await write(wire.packet(packet))


def _ends(flow: Flow) -> tuple[tuple[str, int], tuple[str, int]]:
    return (flow.source, flow.source_port), (flow.destination, flow.destination_port)
