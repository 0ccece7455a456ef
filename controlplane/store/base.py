"""The store contract: a key-value map with one rising revision and a resumable history.

Every write takes exactly one revision, which is the `resourceVersion` of the object that it
wrote. Values are Kubernetes objects (JSON dicts). The store writes the revision into
`metadata.resourceVersion` of what it keeps; the caller's dict is never changed, and what a
store hands out is shared and must not be changed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

EventType = Literal["ADDED", "MODIFIED", "DELETED"]


class Stored:
    """One revision of one key. The object and its JSON bytes are each made when first asked for."""

    __slots__ = ("_encoded", "_value", "key", "revision")

    def __init__(
        self,
        key: str,
        revision: int,
        value: dict[str, Any] | None = None,
        encoded: bytes | None = None,
    ) -> None:
        self.key = key
        self.revision = revision
        self._value = value
        self._encoded = encoded

    @property
    def value(self) -> dict[str, Any]:
        """The object, with its resourceVersion. Shared: do not change it."""
        if self._value is None:
            self._value = json.loads(self._encoded or b"{}")
        return self._value

    @property
    def encoded(self) -> bytes:
        """The object as compact JSON, encoded at most once."""
        if self._encoded is None:
            self._encoded = encode_json(self._value)
        return self._encoded

    def __repr__(self) -> str:
        return f"Stored({self.key!r}, revision={self.revision})"


@dataclass(slots=True)
class Event:
    """One write. `stored` is the state after it; for DELETED the last state, re-stamped."""

    type: EventType
    stored: Stored
    before: Stored | None = None
    representations: dict[str, bytes] = field(default_factory=dict)
    """Encoded watch frames by representation, so that an event is encoded once for all watchers."""

    @property
    def key(self) -> str:
        """The key that was written."""
        return self.stored.key

    @property
    def revision(self) -> int:
        """The revision that the write took."""
        return self.stored.revision

    @property
    def value(self) -> dict[str, Any]:
        """The object after the write; for DELETED its last state."""
        return self.stored.value

    @property
    def previous(self) -> dict[str, Any] | None:
        """The object before the write, None for ADDED."""
        return None if self.before is None else self.before.value


@dataclass(frozen=True, slots=True)
class Page:
    """Part of a listing, in key order, all of it as it was at `revision`."""

    items: list[Stored]
    revision: int
    continue_token: str | None = None
    remaining: int = 0


class Watch(Protocol):
    """A cursor in the history of one prefix. It needs no queue: it reads the store's own."""

    @property
    def revision(self) -> int:
        """Everything under the prefix up to this revision has been handed out."""

    def __aiter__(self) -> AsyncIterator[Event]:
        """Yields events one by one, for ever."""

    async def __anext__(self) -> Event:
        """The next event. Raises Expired when the reader fell behind the kept history."""

    async def batch(self, timeout_s: float | None = None) -> list[Event]:
        """All events that are there, waiting for one at most `timeout_s`; empty after that.

        Raises Expired when the reader fell behind the kept history, and StopAsyncIteration
        once the store or the watch is closed.
        """

    def close(self) -> None:
        """Ends the watch. Idempotent."""


class Store(Protocol):
    """What every store guarantees; one contract test suite runs on all of them."""

    epoch: str
    """Names this history: a store with another epoch has unrelated revisions."""

    async def get(self, key: str) -> Stored | None:
        """The committed state of one key."""

    async def list(
        self,
        prefix: str,
        limit: int = 0,
        continue_token: str | None = None,
        *,
        select: Callable[[Stored], bool] | None = None,
        revision: int | None = None,
    ) -> Page:
        """Keys under `prefix` in order; pages of one listing all show the first page's revision.

        `select` drops objects before they are counted; `revision` asks for a past state. Raises
        Expired when the history does not reach back so far, FutureRevision, and ValueError for
        a token that this store did not make.
        """

    async def create(self, key: str, value: dict[str, Any]) -> Stored:
        """Writes a new key. Raises AlreadyExists. Durable when it returns."""

    async def update(
        self, key: str, value: dict[str, Any], expected_revision: int | None
    ) -> Stored:
        """Replaces a value. Raises NotFound, Conflict. Durable when it returns."""

    async def delete(self, key: str, expected_revision: int | None = None) -> Stored:
        """Removes a key and returns its last state, stamped with the deletion's revision.

        Raises NotFound, Conflict. Durable when it returns.
        """

    def watch(self, prefix: str, from_revision: int) -> Watch:
        """Events under `prefix` after `from_revision`, past ones first.

        Raises Expired when the history does not reach back so far, FutureRevision when the
        revision is still to come.
        """

    def revision(self) -> int:
        """The revision of the last committed write, 0 in an empty store."""

    async def compact(self, revision: int) -> None:
        """Forgets the history up to and including `revision`. Current objects stay."""

    def end_watches(self) -> None:
        """Ends all watches, and later ones at once: the first step of a clean shutdown."""

    async def close(self) -> None:
        """Ends all watches and flushes. Idempotent."""


def encode_json(value: Any) -> bytes:
    """Compact UTF-8 JSON."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def with_revision(value: dict[str, Any], revision: int) -> dict[str, Any]:
    """A copy of the object which carries `revision` as its resourceVersion."""
    metadata = dict(value.get("metadata") or {})
    metadata["resourceVersion"] = str(revision)
    return {**value, "metadata": metadata}
