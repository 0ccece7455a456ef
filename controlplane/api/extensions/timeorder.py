"""Frames of several nodes in the order of their time, as far as a short wait can give it."""

from __future__ import annotations

import asyncio
from collections import deque
from heapq import heappop, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

HOLD_S = 0.05
"""So long a frame waits for earlier ones of other nodes."""
MAX_BYTES = 16 * 1024 * 1024


class TimeOrder:
    """Bounded: who puts waits for room. What is put as `line` is handed out unchanged."""

    def __init__(self, clock: Callable[[], float], max_bytes: int = MAX_BYTES) -> None:
        """`clock` gives monotonic seconds."""
        self._clock = clock
        self._max_bytes = max_bytes
        self._bytes = 0
        self._heap: list[tuple[int, int, bytes]] = []
        self._arrivals: deque[tuple[float, int]] = deque()
        self._count = 0
        self._room = asyncio.Condition()
        self.filled = asyncio.Event()

    async def put(self, time_ns: int, line: bytes) -> None:
        async with self._room:
            await self._room.wait_for(lambda: self._bytes < self._max_bytes)
        self._bytes += len(line)
        self._count += 1
        heappush(self._heap, (time_ns, self._count, line))
        self._arrivals.append((self._clock(), time_ns))
        self.filled.set()

    async def take(self, *, everything: bool = False) -> list[bytes]:
        """What has waited long enough, and what is earlier than that."""
        limit = self._limit(self._clock() - HOLD_S, everything=everything)
        taken = []
        while self._heap and self._heap[0][0] <= limit:
            taken.append(heappop(self._heap)[2])
        if not self._heap:
            self.filled.clear()
        if taken:
            async with self._room:
                self._bytes -= sum(map(len, taken))
                self._room.notify_all()
        return taken

    def _limit(self, before: float, *, everything: bool) -> int:
        limit = -1
        while self._arrivals and (everything or self._arrivals[0][0] <= before):
            limit = max(limit, self._arrivals.popleft()[1])
        return limit
