"""The flow streams of all nodes, merged in the order of time; bounded, and losses are counted."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from typing import TYPE_CHECKING

from controlplane.api.errors import StatusError
from controlplane.api.extensions import wire

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from controlplane.rpc.agent_types import FlowEvent, FlowPart, FlowQuery
    from controlplane.rpc.agents import Agents

    Write = Callable[[list[bytes]], Awaitable[None]]

MAX_WAITING = 8192
"""Events of one node that wait for a slow reader; more make the oldest go."""
SETTLE_S = 0.15
"""So long a new event waits for older ones of other nodes."""
SILENCE_S = 5.0
"""A node that says nothing for so long is not waited for."""
_PART = 256


class FlowSource:
    """What one node has told and nobody has read yet."""

    def __init__(self, node: str) -> None:
        self.node = node
        self.caught_up = False
        self.problem = ""
        self.lost = 0
        self._waiting: deque[tuple[float, FlowEvent]] = deque()
        self._room = asyncio.Event()

    async def fill(self, agents: Agents, query: FlowQuery, changed: asyncio.Event) -> None:
        """Until the node's stream ends. A reader of what was recorded is waited for; new events
        wait for nobody.
        """
        try:
            agent = await agents.at(self.node)
            async with contextlib.aclosing(agent.flows(query)) as parts:
                async for part in parts:
                    await self._take(part)
                    changed.set()
            if query.follow and not query.until_unix_ns:
                self.problem = "its stream of flows has ended"
        except StatusError as error:
            self.problem = error.message
        finally:
            self.caught_up = True
            changed.set()

    async def _take(self, part: FlowPart) -> None:
        self.lost += part.lost
        now = time.monotonic()
        self._waiting.extend((now, event) for event in part.events)
        while len(self._waiting) > MAX_WAITING:
            if not self.caught_up:
                self._room.clear()
                await self._room.wait()
                continue
            self._waiting.popleft()
            self.lost += 1
        self.caught_up = self.caught_up or part.caught_up

    @property
    def next_time(self) -> int | None:
        """Of the oldest event that waits."""
        return self._waiting[0][1].time_unix_ns if self._waiting else None

    def pop(self) -> FlowEvent:
        """The oldest event that waits."""
        _, event = self._waiting.popleft()
        self._room.set()
        return event

    def pop_settled(self, before: float) -> list[FlowEvent]:
        """All events that came before that moment (monotonic seconds)."""
        found = []
        while self._waiting and self._waiting[0][0] <= before:
            found.append(self.pop())
        return found

    def pass_over(self) -> None:
        """What it has recorded is no longer waited for."""
        self.problem = f"told nothing for {SILENCE_S:g} s: its flows come later, if at all"
        self.caught_up = True

    def notices(self) -> list[bytes]:
        """What went wrong since this was asked the last time."""
        found = []
        if self.lost:
            found.append(wire.line(wire.flows_lost(self.node, time.time_ns(), self.lost)))
            self.lost = 0
        if self.problem:
            found.append(wire.line(wire.flows_missing(self.node, time.time_ns(), self.problem)))
            self.problem = ""
        return found


class MergedFlows:
    """The lines of all nodes' flows. Use once."""

    def __init__(self, agents: Agents, nodes: list[str], query: FlowQuery) -> None:
        self._agents, self._query = agents, query
        self._sources = [FlowSource(node) for node in nodes]
        self._changed = asyncio.Event()

    async def run(self, write: Write) -> None:
        """Writes parts of the answer; with `follow` an empty one now and then, until cancelled.

        What `write` raises ends it, in an ExceptionGroup.
        """
        async with asyncio.TaskGroup() as tasks:
            filling = [
                tasks.create_task(source.fill(self._agents, self._query, self._changed))
                for source in self._sources
            ]
            await self._write_recorded(write)
            while self._query.follow and not all(task.done() for task in filling):
                await asyncio.sleep(SETTLE_S)
                await write(self._settled(time.monotonic() - SETTLE_S))
            await write(self._settled(time.monotonic()))
            for task in filling:
                task.cancel()

    async def _write_recorded(self, write: Write) -> None:
        """Of all nodes the oldest event first. With `last` only so many."""
        kept: deque[bytes] = deque(maxlen=self._query.last or None)
        while (source := await self._oldest()) is not None:
            kept.append(source.pop().document + b"\n")
            if not self._query.last and len(kept) >= _PART:
                await write([*self._notices(), *kept])
                kept.clear()
        kept.extend(self._sorted(time.monotonic()))
        await write([*self._notices(), *kept])

    async def _oldest(self) -> FlowSource | None:
        """Who has the oldest event; None when every node has told what it had recorded."""
        while not all(source.caught_up for source in self._sources):
            waited_for = [s for s in self._sources if not s.caught_up and s.next_time is None]
            if not waited_for:
                ready = [source for source in self._sources if source.next_time is not None]
                return min(ready, key=lambda source: source.next_time or 0)
            self._changed.clear()
            try:
                async with asyncio.timeout(SILENCE_S):
                    await self._changed.wait()
            except TimeoutError:
                for source in waited_for:
                    source.pass_over()
        return None

    def _settled(self, before: float) -> list[bytes]:
        return [*self._notices(), *self._sorted(before)]

    def _sorted(self, before: float) -> list[bytes]:
        events = [event for source in self._sources for event in source.pop_settled(before)]
        events.sort(key=lambda event: event.time_unix_ns)
        return [event.document + b"\n" for event in events]

    def _notices(self) -> list[bytes]:
        return [line for source in self._sources for line in source.notices()]
