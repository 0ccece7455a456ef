"""Observations on their way from the datapath's thread to the event loop: bounded, and counted.

The path never waits for a reader. What does not fit is not kept, but how many were missed is
told as soon as the reader has caught up.
"""

import asyncio
from collections import deque
from dataclasses import dataclass

from nodeagent.datapath.base import Observation

CAPACITY = 4096


@dataclass(frozen=True, slots=True)
class Missed:
    """So many observations, since the last time this was said, were not kept."""

    count: int


class Handover:
    """`put` is called from the datapath's thread, everything else from the event loop's."""

    def __init__(self, loop: asyncio.AbstractEventLoop, capacity: int = CAPACITY) -> None:
        self._loop = loop
        self._capacity = capacity
        self._waiting: deque[Observation] = deque()
        self._missed = self._told = 0
        self._is_waking = False
        self._filled = asyncio.Event()

    def put(self, observation: Observation) -> None:
        """Keep an observation, or only count it. The loop has one wake-up waiting at most."""
        if len(self._waiting) >= self._capacity:
            self._missed += 1
            return
        self._waiting.append(observation)
        if not self._is_waking:
            self._is_waking = True
            self._loop.call_soon_threadsafe(self._wake)

    async def next(self) -> Observation | Missed:
        """The oldest observation; when there is none, what was missed before."""
        while True:
            if self._waiting:
                return self._waiting.popleft()
            missed = self._missed - self._told
            if missed:
                self._told += missed
                return Missed(missed)
            await self._filled.wait()
            self._filled.clear()

    def _wake(self) -> None:
        self._is_waking = False
        self._filled.set()
