"""Store events as one watcher of the API sees them: its kind, its namespace, its selectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controlplane.api import errors
from controlplane.api.selectors import EVERYTHING, Selection
from controlplane.store.base import Event, Stored, with_revision
from controlplane.store.errors import Expired, FutureRevision

if TYPE_CHECKING:
    from controlplane.api.resources import Resource
    from controlplane.store.base import EventType, Store


class ApiWatch:
    """Selected events after a revision. Iterate, or take batches; close it in the end."""

    def __init__(
        self,
        store: Store,
        resource: Resource,
        namespace: str | None,
        selection: Selection = EVERYTHING,
        revision: int = 0,
    ) -> None:
        """Raises StatusError 410 (too old) or 504 (still to come)."""
        prefix = resource.key_prefix(namespace or selection.namespace)
        try:
            self._watch = store.watch(prefix, revision)
        except Expired as error:
            raise errors.expired(str(error)) from error
        except FutureRevision as error:
            raise errors.StatusError(504, "Timeout", str(error)) from error
        self._selection = selection
        self._ready: list[Event] = []

    @property
    def revision(self) -> int:
        """What a bookmark may say: everything up to here has been handed out."""
        return self._ready[-1].revision - 1 if self._ready else self._watch.revision

    def close(self) -> None:
        """Ends the watch. Idempotent."""
        self._watch.close()

    def __aiter__(self) -> ApiWatch:
        return self

    async def __anext__(self) -> Event:
        while not self._ready:
            self._ready = (await self.batch())[::-1]
        return self._ready.pop()

    async def batch(self, timeout_s: float | None = None) -> list[Event]:
        """The selected events that are there, waiting at most `timeout_s`; may be empty.

        Raises StatusError 410 when the reader was too slow, StopAsyncIteration at the end.
        """
        try:
            events = await self._watch.batch(timeout_s)
        except Expired as error:
            raise errors.expired(str(error)) from error
        if not self._selection:
            return events
        selected = (self._seen(event) for event in events)
        return [event for event in selected if event is not None]

    def _seen(self, event: Event) -> Event | None:
        """The event as it looks through the selection: objects come into it and leave it."""
        before, after = event.before, event.stored
        was = before is not None and self._selection.matches(before.value)
        now = event.type != "DELETED" and self._selection.matches(after.value)
        if now:
            kind: EventType = "MODIFIED" if was else "ADDED"
            return event if kind == event.type else Event(kind, after, before)
        if not was or before is None:
            return None
        if event.type == "DELETED":
            return event
        gone = Stored(event.key, event.revision, with_revision(before.value, event.revision))
        return Event("DELETED", gone, before)
