"""The objects of a store in memory: point reads, ordered prefix scans, pages of one revision."""

from __future__ import annotations

import base64
import binascii
import json
from bisect import bisect_left, insort
from typing import TYPE_CHECKING

from controlplane.store.base import Page, Stored
from controlplane.store.errors import Expired

if TYPE_CHECKING:
    from collections.abc import Callable

    from controlplane.store.base import Event
    from controlplane.store.history import History

_LAST = "\U0010ffff"


class Index:
    """The committed objects, by key, with the history that made them."""

    def __init__(self, history: History) -> None:
        self.history = history
        self._objects: dict[str, Stored] = {}
        self._keys: list[str] = []

    def __len__(self) -> int:
        return len(self._keys)

    def get(self, key: str) -> Stored | None:
        """The committed state of one key."""
        return self._objects.get(key)

    def apply(self, event: Event) -> None:
        """Makes one committed write visible, then tells the watchers."""
        self.restore(event.type == "DELETED", event.stored)
        self.history.append(event)

    def restore(self, deleted: bool, stored: Stored) -> None:
        """Takes over one state without any event (when a store is read from disk)."""
        key = stored.key
        if deleted:
            if self._objects.pop(key, None) is not None:
                del self._keys[bisect_left(self._keys, key)]
            return
        if key not in self._objects:
            insort(self._keys, key)
        self._objects[key] = stored

    def page(
        self,
        prefix: str,
        limit: int,
        continue_token: str | None,
        select: Callable[[Stored], bool] | None = None,
        revision: int | None = None,
    ) -> Page:
        """One page of a listing. Raises Expired, FutureRevision, ValueError for a foreign token."""
        start = ""
        if continue_token is not None:
            revision, start = decode_token(continue_token, prefix)
        if revision is None or revision == self.history.revision:
            revision = self.history.revision
            items = self._scan(prefix)
        else:
            items = self._scan_at(prefix, revision)
        if start:
            items = items[bisect_left(items, start, key=lambda stored: stored.key) :]
        if select is not None:
            items = [stored for stored in items if select(stored)]
        return self._cut(items, revision, limit)

    def _scan(self, prefix: str) -> list[Stored]:
        first = bisect_left(self._keys, prefix)
        last = bisect_left(self._keys, prefix + _LAST)
        return [self._objects[key] for key in self._keys[first:last]]

    def _scan_at(self, prefix: str, revision: int) -> list[Stored]:
        """The listing as it was: today's objects with the newer writes taken back."""
        if revision < self.history.compacted:
            raise Expired(revision, self.history.compacted)
        then = {stored.key: stored for stored in self._scan(prefix)}
        for event in reversed(list(self.history.after(revision))):
            if not event.key.startswith(prefix):
                continue
            if event.before is None:
                then.pop(event.key, None)
            else:
                then[event.key] = event.before
        return [then[key] for key in sorted(then)]

    @staticmethod
    def _cut(items: list[Stored], revision: int, limit: int) -> Page:
        if not limit or len(items) <= limit:
            return Page(items, revision)
        token = encode_token(revision, items[limit].key)
        return Page(items[:limit], revision, token, len(items) - limit)


def encode_token(revision: int, start: str) -> str:
    """An opaque continue token: where the next page starts and which revision it shows."""
    content = json.dumps({"rv": revision, "start": start}).encode()
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def decode_token(token: str, prefix: str) -> tuple[int, str]:
    """Revision and first key of a token. Raises ValueError for anything else."""
    try:
        content = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        revision, start = content["rv"], content["start"]
    except (binascii.Error, ValueError, TypeError, KeyError) as error:
        raise ValueError("continue key is not valid") from error
    if not isinstance(revision, int) or not isinstance(start, str) or not start.startswith(prefix):
        raise ValueError("continue key is not valid")
    return revision, start
