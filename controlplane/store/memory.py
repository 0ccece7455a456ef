"""The store that lives and dies with its process: the fake for tests, and the core of SQLite's."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from controlplane.store.base import Event, Stored, with_revision
from controlplane.store.errors import AlreadyExists, Conflict, NotFound
from controlplane.store.history import DEFAULT_CAPACITY, History
from controlplane.store.index import Index

if TYPE_CHECKING:
    from collections.abc import Callable

    from controlplane.store.base import Page, Watch


class MemoryStore:
    """A Store without a disk. Every write is committed at once."""

    def __init__(self, history_capacity: int = DEFAULT_CAPACITY) -> None:
        self.epoch = str(uuid.uuid4())
        self._history = History(capacity=history_capacity)
        self._index = Index(self._history)

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
        if self._index.get(key) is not None:
            raise AlreadyExists(key)
        revision = self.revision() + 1
        stored = Stored(key, revision, with_revision(value, revision))
        self._index.apply(Event("ADDED", stored))
        return stored

    async def update(
        self, key: str, value: dict[str, Any], expected_revision: int | None
    ) -> Stored:
        """Replaces a value. Raises NotFound, Conflict."""
        before = expect(key, self._index.get(key), expected_revision)
        revision = self.revision() + 1
        stored = Stored(key, revision, with_revision(value, revision))
        self._index.apply(Event("MODIFIED", stored, before))
        return stored

    async def delete(self, key: str, expected_revision: int | None = None) -> Stored:
        """Removes a key. Raises NotFound, Conflict."""
        before = expect(key, self._index.get(key), expected_revision)
        revision = self.revision() + 1
        stored = Stored(key, revision, with_revision(before.value, revision))
        self._index.apply(Event("DELETED", stored, before))
        return stored

    def watch(self, prefix: str, from_revision: int) -> Watch:
        """Events under `prefix` after `from_revision`. Raises Expired, FutureRevision."""
        return self._history.watch(prefix, from_revision)

    def revision(self) -> int:
        """The revision of the last write."""
        return self._history.revision

    async def compact(self, revision: int) -> None:
        """Forgets the history up to and including `revision`."""
        self._history.forget(revision)

    def end_watches(self) -> None:
        """Ends all watches, and later ones at once."""
        self._history.close()

    async def close(self) -> None:
        """Ends all watches."""
        self._history.close()


def expect(key: str, found: Stored | None, revision: int | None) -> Stored:
    """The found state if it is the expected one. Raises NotFound, Conflict."""
    if found is None:
        raise NotFound(key)
    if revision is not None and found.revision != revision:
        raise Conflict(key, revision, found.revision)
    return found
