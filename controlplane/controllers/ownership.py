"""Who owns whom, by uid: the garbage collector's picture of the cluster. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]
FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"


@dataclass(frozen=True, slots=True)
class Item:
    """Where an object is: its resource as the client names it, namespace, name, uid."""

    resource: str
    namespace: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class _Known:
    item: Item
    owners: tuple[Object, ...]
    finalizers: tuple[str, ...]
    deleting: bool


class Ownership:
    """All objects and their owner references. What a change means is returned as work."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}
        self._dependents: dict[str, set[str]] = {}

    def put(self, resource: str, obj: Object) -> list[Item]:
        """Notes an object; returns what has to be looked at because of it."""
        about = obj["metadata"]
        uid = about["uid"]
        item = Item(resource, about.get("namespace") or "", about["name"], uid)
        owners = tuple(about.get("ownerReferences") or ())
        finalizers = tuple(about.get("finalizers") or ())
        deleting = bool(about.get("deletionTimestamp"))
        self._unlink(uid)
        self._known[uid] = _Known(item, owners, finalizers, deleting)
        for owner in owners:
            self._dependents.setdefault(owner["uid"], set()).add(uid)
        work = []
        if owners and any(owner["uid"] not in self._known for owner in owners):
            work.append(item)
        if deleting and (FOREGROUND in finalizers or ORPHAN in finalizers):
            work.append(item)
            work += self.dependents(uid) if FOREGROUND in finalizers else []
        return work

    def remove(self, uid: str) -> list[Item]:
        """Forgets an object; returns those that it owned and the owners that may wait for it."""
        gone = self._known.get(uid)
        self._unlink(uid)
        self._known.pop(uid, None)
        work = self.dependents(uid)
        for owner in gone.owners if gone else ():
            waiting = self._known.get(owner["uid"])
            if waiting is not None and waiting.deleting and FOREGROUND in waiting.finalizers:
                work.append(waiting.item)
        return work

    def _unlink(self, uid: str) -> None:
        known = self._known.get(uid)
        for owner in known.owners if known else ():
            siblings = self._dependents.get(owner["uid"], set())
            siblings.discard(uid)
            if not siblings:
                self._dependents.pop(owner["uid"], None)

    def dependents(self, uid: str) -> list[Item]:
        """The objects that name this uid as an owner."""
        return [self._known[child].item for child in sorted(self._dependents.get(uid, ()))]

    def blocking(self, uid: str) -> list[Item]:
        """Those of them which a foreground deletion of the owner waits for."""
        return [
            self._known[child].item
            for child in sorted(self._dependents.get(uid, ()))
            if any(
                owner["uid"] == uid and owner.get("blockOwnerDeletion")
                for owner in self._known[child].owners
            )
        ]

    def exists(self, uid: str) -> bool:
        """Whether an object with that uid is there."""
        return uid in self._known

    def waits_for_dependents(self, uid: str) -> bool:
        """Whether the object is being deleted in the foreground."""
        known = self._known.get(uid)
        return known is not None and known.deleting and FOREGROUND in known.finalizers
