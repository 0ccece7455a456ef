"""The default store: a SQLite file in WAL mode, with every object also in memory.

Reads never touch the disk. Writes are checked against memory, put in the order of their
revisions, and committed by one writer thread; writes that arrive during a commit share the next
one. A write becomes visible, and returns, only after its commit: what a client or a watcher has
seen survives the death of the process. (`synchronous=NORMAL`: a power cut may take back the
last moments, never more, and never leaves a torn file.)

Table `writes` is history and state in one: the newest row of a key is its state.
"""

from __future__ import annotations

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from controlplane.store.base import Event, Stored, with_revision
from controlplane.store.database import Database
from controlplane.store.errors import AlreadyExists, StoreError
from controlplane.store.history import DEFAULT_CAPACITY, History
from controlplane.store.index import Index
from controlplane.store.memory import expect

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from controlplane.store.base import Page, Watch

_Batch = list[tuple[Event, "asyncio.Future[None]"]]
_COMPACT_EVERY = 1024
"""Writes that leave the history before they are also deleted from the file."""


class SqliteStore:
    """A Store in one file. Use `await SqliteStore.open(path)`."""

    def __init__(self, database: Database, index: Index) -> None:
        self.epoch = database.epoch
        self._database = database
        self._index = index
        self._history = index.history
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._queue: _Batch = []
        self._pending: dict[str, asyncio.Future[None]] = {}
        self._next_revision = self._history.revision + 1
        self._committing = False
        self._closed = False

    @classmethod
    async def open(cls, path: Path, history_capacity: int = DEFAULT_CAPACITY) -> SqliteStore:
        """Opens or makes the file. Raises StoreError naming the file and the reason."""
        database = Database(path)
        history = History(capacity=history_capacity)
        index = Index(history)
        try:
            database.load(index)
        except sqlite3.Error as error:
            database.close()
            raise StoreError(f"cannot read the store {path}: {error}") from error
        return cls(database, index)

    async def get(self, key: str) -> Stored | None:
        """The committed state of one key."""
        return self._index.get(key)

    async def list(
        self,
        prefix: str,
        limit: int = 0,
        continue_token: str | None = None,
        *,
        select: Callable[[Stored], bool] | None = None,
        revision: int | None = None,
    ) -> Page:
        """Keys under `prefix` in order, see Store.list."""
        return self._index.page(prefix, limit, continue_token, select, revision)

    async def create(self, key: str, value: dict[str, Any]) -> Stored:
        """Writes a new key. Raises AlreadyExists."""

        def make(found: Stored | None, revision: int) -> Event:
            if found is not None:
                raise AlreadyExists(key)
            return Event("ADDED", Stored(key, revision, with_revision(value, revision)))

        return await self._write(key, make)

    async def update(
        self, key: str, value: dict[str, Any], expected_revision: int | None
    ) -> Stored:
        """Replaces a value. Raises NotFound, Conflict."""

        def make(found: Stored | None, revision: int) -> Event:
            before = expect(key, found, expected_revision)
            return Event("MODIFIED", Stored(key, revision, with_revision(value, revision)), before)

        return await self._write(key, make)

    async def delete(self, key: str, expected_revision: int | None = None) -> Stored:
        """Removes a key. Raises NotFound, Conflict."""

        def make(found: Stored | None, revision: int) -> Event:
            before = expect(key, found, expected_revision)
            after = Stored(key, revision, with_revision(before.value, revision))
            return Event("DELETED", after, before)

        return await self._write(key, make)

    def watch(self, prefix: str, from_revision: int) -> Watch:
        """Events under `prefix` after `from_revision`. Raises Expired, FutureRevision."""
        return self._history.watch(prefix, from_revision)

    def revision(self) -> int:
        """The revision of the last committed write."""
        return self._history.revision

    async def compact(self, revision: int) -> None:
        """Forgets the history up to and including `revision`, on disk as well."""
        self._history.forget(min(revision, self._history.revision))
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._writer, self._database.compact, self._history.compacted)

    def end_watches(self) -> None:
        """Ends all watches, and later ones at once."""
        self._history.close()

    async def close(self) -> None:
        """Waits for the writes under way, ends all watches, closes the file. Idempotent."""
        if self._closed:
            return
        self._closed = True
        self._history.close()
        while self._pending:
            await asyncio.wait(set(self._pending.values()))
        await asyncio.to_thread(self._writer.shutdown)
        self._database.close()

    async def _write(self, key: str, make: Callable[[Stored | None, int], Event]) -> Stored:
        while (pending := self._pending.get(key)) is not None:
            await asyncio.wait({pending})
        if self._closed:
            raise StoreError("the store is closed")
        event = make(self._index.get(key), self._next_revision)
        self._next_revision += 1
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append((event, done))
        self._pending[key] = done
        self._commit_queued()
        await asyncio.shield(done)
        return event.stored

    def _commit_queued(self) -> None:
        """Hands the queue to the writer thread unless it is busy (then it is asked again)."""
        if self._committing or not self._queue:
            return
        self._committing = True
        batch, self._queue = self._queue, []
        events = [event for event, _ in batch]
        compact = self._history.compacted
        if compact - self._database.compacted < _COMPACT_EVERY:
            compact = 0
        commit = asyncio.get_running_loop().run_in_executor(
            self._writer, self._database.commit, events, compact
        )
        commit.add_done_callback(lambda finished: self._committed(batch, finished))

    def _committed(self, batch: _Batch, commit: asyncio.Future[None]) -> None:
        self._committing = False
        error = commit.exception()
        if error is not None:
            # What is queued behind builds on revisions that now never happened.
            batch, self._queue = batch + self._queue, []
            self._next_revision = self._history.revision + 1
        for event, done in batch:
            del self._pending[event.key]
            if error is None:
                self._index.apply(event)
                done.set_result(None)
            else:
                done.set_exception(StoreError(f"cannot write {self._database.path}: {error}"))
                done.exception()  # the writer may be gone: then nobody else looks at it
        self._commit_queued()
