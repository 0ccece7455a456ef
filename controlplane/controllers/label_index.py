"""Objects by the value of one label, for controllers that would else search all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controlplane.api.errors import StatusError

if TYPE_CHECKING:
    from controlplane.api.client import Client
    from controlplane.controllers.informer import Informers, Key

Object = dict[str, Any]


class LabelIndex:
    """Which objects of a namespaced resource have a label, by namespace and value.

    Names come from the informer and from `note`; the objects themselves are read as they are
    stored, so that a list is never older than the caller's own writes.
    """

    def __init__(self, client: Client, informers: Informers, resource: str, label: str) -> None:
        self._client = client
        self._resource = resource
        self._label = label
        self._names: dict[Key, set[str]] = {}
        informers.of(resource).subscribe(self._changed)

    def note(self, obj: Object) -> None:
        """The caller has just written this object: the informer may not have heard of it yet."""
        value = self._value(obj)
        if value:
            key = (obj["metadata"]["namespace"], value)
            self._names.setdefault(key, set()).add(obj["metadata"]["name"])

    async def list(self, namespace: str, value: str) -> list[Object]:
        """The objects with this value now, in the order of their names. Raises StatusError."""
        found = []
        for name in sorted(self._names.get((namespace, value), ())):
            try:
                obj = await self._client.get(self._resource, name, namespace)
            except StatusError as error:
                if error.reason != "NotFound":
                    raise
                continue
            if self._value(obj) == value:
                found.append(obj)
        return found

    def _changed(self, old: Object | None, new: Object | None) -> None:
        if old is not None and (new is None or self._value(new) != self._value(old)):
            self._forget(old)
        if new is not None:
            self.note(new)

    def _forget(self, obj: Object) -> None:
        key = (obj["metadata"]["namespace"], self._value(obj))
        names = self._names.get(key)
        if names is not None:
            names.discard(obj["metadata"]["name"])
            if not names:
                del self._names[key]

    def _value(self, obj: Object) -> str:
        return str((obj["metadata"].get("labels") or {}).get(self._label, ""))
