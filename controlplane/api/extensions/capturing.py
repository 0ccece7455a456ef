"""One capture: the frames of some nodes as one stream of lines."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import web

from controlplane.api.errors import StatusError
from controlplane.api.extensions import wire
from controlplane.api.extensions.timeorder import HOLD_S, TimeOrder
from controlplane.rpc.capture_types import Dropped, Frame, Started

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from controlplane.rpc.agents import Agents
    from controlplane.rpc.capture_types import CaptureOrder

ALIVE_S = 5.0
"""A line at least so often: who has left is noticed by it, and who waits knows that we are here."""
START_TIMEOUT_S = 10.0
_WRITE_TIMEOUT_S = 30.0


@dataclass(slots=True)
class _Node:
    order: CaptureOrder
    started: asyncio.Event = field(default_factory=asyncio.Event)
    vxlan_port: int = 0
    refusal: StatusError | None = None


class LiveCapture:
    """Use once."""

    def __init__(self, agents: Agents, orders: Mapping[str, CaptureOrder]) -> None:
        """`orders`: what is wanted of which node; at least of one."""
        self._agents = agents
        self._nodes = {name: _Node(order) for name, order in orders.items()}
        self._lines = TimeOrder(asyncio.get_running_loop().time)

    async def run(self, request: web.Request, timeout_s: float | None) -> web.StreamResponse:
        """Streams until the timeout, the client's leave, or the end of all nodes.

        Raises StatusError when no node captures.
        """
        async with asyncio.TaskGroup() as tasks:
            capturing = [tasks.create_task(self._capture(name)) for name in self._nodes]
            try:
                await self._all_started()
                refusal = self._refusal
                if refusal is None:
                    return await self._stream(
                        request, timeout_s, lambda: all(task.done() for task in capturing)
                    )
            finally:
                for task in capturing:
                    task.cancel()
        raise refusal

    async def _capture(self, name: str) -> None:
        node = self._nodes[name]
        try:
            agent = await self._agents.at(name)
            async with contextlib.aclosing(agent.capture(node.order)) as answers:
                async for answer in answers:
                    match answer:
                        case Started(port):
                            node.vxlan_port = port
                            node.started.set()
                        case Frame():
                            line = wire.line(wire.frame(name, answer))
                            await self._lines.put(answer.time_unix_ns, line)
                        case Dropped():
                            await self._lines.put(0, wire.line(wire.dropped(name, answer)))
        except StatusError as error:
            node.refusal = error
            await self._lines.put(0, wire.line(wire.warning(name, error.message)))
        finally:
            node.started.set()
            self._lines.filled.set()

    async def _all_started(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(START_TIMEOUT_S):
                for node in self._nodes.values():
                    await node.started.wait()

    @property
    def _refusal(self) -> StatusError | None:
        """Why no node captures; None as long as one does."""
        refusals = [node.refusal for node in self._nodes.values()]
        return None if None in refusals else refusals[0]

    async def _stream(
        self, request: web.Request, timeout_s: float | None, is_over: Callable[[], bool]
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": wire.NDJSON})
        await response.prepare(request)
        with contextlib.suppress(ConnectionError, TimeoutError):
            await _write(response, [wire.line(self._started())])
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    while not is_over():
                        await self._write_what_came(response)
            await _write(response, await self._lines.take(everything=True))
        return response

    async def _write_what_came(self, response: web.StreamResponse) -> None:
        try:
            async with asyncio.timeout(ALIVE_S):
                await self._lines.filled.wait()
        except TimeoutError:
            await _write(response, [wire.line({"type": "alive"})])
            return
        await asyncio.sleep(HOLD_S / 2)
        await _write(response, await self._lines.take())

    def _started(self) -> dict[str, object]:
        ports = (node.vxlan_port for node in self._nodes.values() if node.vxlan_port)
        return {"type": "started", "nodes": list(self._nodes), "vxlanPort": next(ports, 0)}


async def _write(response: web.StreamResponse, lines: list[bytes]) -> None:
    if lines:
        async with asyncio.timeout(_WRITE_TIMEOUT_S):
            await response.write(b"".join(lines))
