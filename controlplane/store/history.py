"""The recent writes in order, and the cursors that read them.

Revisions are consecutive, so an event's place is its revision minus the first one kept. A
watch is only a number: nothing is queued per watcher, a slow one costs nothing, and one that
falls out of the kept history learns it by `Expired`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING

from controlplane.store.errors import Expired, FutureRevision

if TYPE_CHECKING:
    from collections.abc import Iterable

    from controlplane.store.base import Event

DEFAULT_CAPACITY = 8192
DEFAULT_MAX_BYTES = 64 << 20
"""Of objects as JSON: few large ones must not take the memory that many small ones may."""


class History:
    """A log of events with consecutive revisions: `capacity` of them at most, and as many as
    fit into `max_bytes`, but always the newest one.
    """

    def __init__(
        self,
        compacted: int = 0,
        capacity: int = DEFAULT_CAPACITY,
        max_bytes: int = DEFAULT_MAX_BYTES,
    ) -> None:
        self.compacted = compacted
        self.capacity = capacity
        self.max_bytes = max_bytes
        self._bytes = 0
        self.closed = False
        self._events: deque[Event] = deque()
        self._watches: set[HistoryWatch] = set()

    @property
    def revision(self) -> int:
        """The newest revision, the compacted one when nothing is kept."""
        return self._events[-1].revision if self._events else self.compacted

    def append(self, event: Event) -> None:
        """Adds the next write and wakes whoever watches its key."""
        self._events.append(event)
        self._bytes += len(event.stored.encoded)
        while len(self._events) > self.capacity or (
            self._bytes > self.max_bytes and len(self._events) > 1
        ):
            self._drop_oldest()
        for watch in self._watches:
            if event.key.startswith(watch.prefix):
                watch.wake()

    def forget(self, revision: int) -> None:
        """Drops everything up to and including `revision`."""
        while self._events and self._events[0].revision <= revision:
            self._drop_oldest()
        for watch in self._watches:
            watch.wake()

    def _drop_oldest(self) -> None:
        event = self._events.popleft()
        self._bytes -= len(event.stored.encoded)
        self.compacted = event.revision

    def after(self, revision: int) -> Iterable[Event]:
        """Events newer than `revision`, oldest first. Raises Expired, FutureRevision."""
        if revision < self.compacted:
            raise Expired(revision, self.compacted)
        if revision > self.revision:
            raise FutureRevision(revision, self.revision)
        newer = self.revision - revision
        if newer * 2 > len(self._events):
            return islice(self._events, len(self._events) - newer, None)
        # Most readers are close behind: a deque is walked from its nearer end.
        return reversed(list(islice(reversed(self._events), newer)))

    def watch(self, prefix: str, from_revision: int) -> HistoryWatch:
        """A cursor that stands just after `from_revision`."""
        self.after(from_revision)
        watch = HistoryWatch(self, prefix, from_revision)
        self._watches.add(watch)
        if self.closed:
            watch.close()
        return watch

    def close(self) -> None:
        """Ends every watch."""
        self.closed = True
        for watch in tuple(self._watches):
            watch.close()

    def drop(self, watch: HistoryWatch) -> None:
        """Forgets a closed watch."""
        self._watches.discard(watch)


class HistoryWatch:
    """The `Watch` of every store that keeps a History."""

    def __init__(self, history: History, prefix: str, revision: int) -> None:
        self.prefix = prefix
        self._history = history
        self._revision = revision
        self._wakeup = asyncio.Event()
        self._wakeup.set()
        self._ready: deque[Event] = deque()
        self._closed = False

    @property
    def revision(self) -> int:
        """Everything under the prefix up to this revision has been handed out."""
        return self._ready[0].revision - 1 if self._ready else self._revision

    def wake(self) -> None:
        """Something under the prefix was written (or the history was cut)."""
        self._wakeup.set()

    def close(self) -> None:
        """Ends the watch: whoever waits on it stops. Idempotent."""
        self._closed = True
        self._history.drop(self)
        self._wakeup.set()

    def __aiter__(self) -> HistoryWatch:
        return self

    async def __anext__(self) -> Event:
        while not self._ready:
            self._ready.extend(await self.batch())
        return self._ready.popleft()

    async def batch(self, timeout_s: float | None = None) -> list[Event]:
        """All events that are there, waiting for one at most `timeout_s`; empty after that."""
        if self._ready:
            ready = list(self._ready)
            self._ready.clear()
            return ready
        try:
            async with asyncio.timeout(timeout_s):
                return await self._next_events()
        except TimeoutError:
            self._read()
            return []

    async def _next_events(self) -> list[Event]:
        while True:
            await self._wakeup.wait()
            if self._closed:
                raise StopAsyncIteration
            if events := self._read():
                return events

    def _read(self) -> list[Event]:
        self._wakeup.clear()
        found = [e for e in self._history.after(self._revision) if e.key.startswith(self.prefix)]
        self._revision = self._history.revision
        return found
