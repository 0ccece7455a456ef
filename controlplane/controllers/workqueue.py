"""A queue of keys to reconcile: a key waits once, is worked on once, is retried ever later.

Semantics of client-go's workqueue: a key that is added while it is worked on is handed out
again afterwards, so no change is ever missed and none is worked on twice at the same time.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

from controlplane.controllers.durations import Durations

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

K = TypeVar("K", bound="Hashable")

FIRST_RETRY_S = 0.005
LONGEST_RETRY_S = 30.0


class WorkQueue(Generic[K]):
    """Belongs to one event loop. Its size is bounded by the number of distinct keys."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives monotonic seconds; `waited` and `worked` are counted by it."""
        self._waiting: deque[K] = deque()
        self._dirty: set[K] = set()
        self._working: set[K] = set()
        self._failures: dict[K, int] = {}
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._arrived = asyncio.Event()
        self._clock = clock
        self._added_at: dict[K, float] = {}
        self._taken_at: dict[K, float] = {}
        self.adds = 0
        self.retries = 0
        self.waited = Durations()
        self.worked = Durations()

    def add(self, key: K) -> None:
        """Hands `key` out soon. Adding it twice before that is adding it once."""
        if key in self._dirty:
            return
        self._dirty.add(key)
        self.adds += 1
        self._added_at[key] = self._clock()
        if key not in self._working:
            self._waiting.append(key)
            self._arrived.set()

    def add_after(self, key: K, delay_s: float) -> None:
        """Hands `key` out after a while; of several such wishes the earliest counts."""
        loop = asyncio.get_running_loop()
        due = loop.time() + max(delay_s, 0.0)
        planned = self._timers.get(key)
        if planned is not None:
            if planned.when() <= due:
                return
            planned.cancel()
        self._timers[key] = loop.call_at(due, self._fire, key)

    def _fire(self, key: K) -> None:
        self._timers.pop(key, None)
        self.add(key)

    def retry(self, key: K) -> float:
        """Hands `key` out again after a failure; returns the delay, which doubles each time."""
        self.retries += 1
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        delay_s = min(FIRST_RETRY_S * 2.0 ** min(failures, 16), LONGEST_RETRY_S)
        self.add_after(key, delay_s)
        return delay_s

    def forget(self, key: K) -> None:
        """Work on `key` went well: its next failure is its first."""
        self._failures.pop(key, None)

    async def get(self) -> K:
        """The next key; `done` has to follow."""
        while not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()
        key = self._waiting.popleft()
        self._dirty.discard(key)
        self._working.add(key)
        now = self._taken_at[key] = self._clock()
        self.waited.add(now - self._added_at.pop(key, now))
        return key

    def done(self, key: K) -> None:
        """The work on `key` has ended, one way or the other."""
        self._working.discard(key)
        now = self._clock()
        self.worked.add(now - self._taken_at.pop(key, now))
        if key in self._dirty:
            self._waiting.append(key)
            self._arrived.set()

    def close(self) -> None:
        """Cancels what is planned for later."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def __len__(self) -> int:
        return len(self._waiting)
