"""Captured frames on their way from the datapath's thread to the event loop: bounded, counted.

The path never waits for a reader. What does not fit is not kept, and told by place.
"""

import asyncio
from collections import Counter, deque

from nodeagent.datapath.sightings import CapturedFrame

MAX_FRAMES = 8192
MAX_BYTES = 32 * 1024 * 1024
MAX_BATCH_FRAMES = 256
MAX_BATCH_BYTES = 1024 * 1024


class CaptureQueue:
    """`put` is called from the datapath's thread, everything else from the event loop's."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        max_frames: int = MAX_FRAMES,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._loop = loop
        self._max_frames, self._max_bytes = max_frames, max_bytes
        self._waiting: deque[CapturedFrame] = deque()
        # Each is written by one thread only; what waits is the difference.
        self._bytes_in = self._bytes_out = 0
        self._dropped: Counter[str] = Counter()
        self._told: Counter[str] = Counter()
        self._is_waking = False
        self._filled = asyncio.Event()

    def put(self, sighting: CapturedFrame) -> None:
        """Keep a frame, or only count it. The loop has one wake-up waiting at most."""
        size = len(sighting.frame)
        waiting_bytes = self._bytes_in - self._bytes_out
        if len(self._waiting) >= self._max_frames or waiting_bytes + size > self._max_bytes:
            self._dropped[sighting.place] += 1
            return
        self._bytes_in += size
        self._waiting.append(sighting)
        if not self._is_waking:
            self._is_waking = True
            self._loop.call_soon_threadsafe(self._wake)

    async def batch(self) -> tuple[list[CapturedFrame], dict[str, int]]:
        """The oldest frames, at least one, and how many more were dropped by now, by place."""
        while not self._waiting:
            await self._filled.wait()
            self._filled.clear()
        taken: list[CapturedFrame] = []
        size = 0
        while self._waiting and len(taken) < MAX_BATCH_FRAMES and size < MAX_BATCH_BYTES:
            taken.append(self._waiting.popleft())
            size += len(taken[-1].frame)
        self._bytes_out += size
        return taken, self._newly_dropped()

    def _newly_dropped(self) -> dict[str, int]:
        dropped = Counter(dict(self._dropped))
        new = dropped - self._told
        self._told = dropped
        return dict(new)

    def _wake(self) -> None:
        self._is_waking = False
        self._filled.set()
