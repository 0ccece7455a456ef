"""The present objects of one resource, kept current by a watch, for those who react to changes."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from controlplane.api.errors import StatusError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from controlplane.api.client import Client

Object = dict[str, Any]
Key = tuple[str, str]
"""(namespace, name); the namespace of cluster-scoped objects is empty."""

_RETRY_S = 0.2
log = logging.getLogger(__name__)


def key_of(obj: Object) -> Key:
    """The key of an object in an informer."""
    return obj["metadata"].get("namespace") or "", obj["metadata"]["name"]


class Informer:
    """A cache of one resource. Its objects are shared and must not be changed."""

    def __init__(self, client: Client, resource: str) -> None:
        self.resource = resource
        self._client = client
        self._objects: dict[Key, Object] = {}
        self._namespaces: dict[str, dict[Key, Object]] = {}
        self._handlers: list[Callable[[Object | None, Object | None], None]] = []
        self._synced = asyncio.Event()

    def subscribe(self, handler: Callable[[Object | None, Object | None], None]) -> None:
        """Calls `handler(old, new)` at every change, `None` for not there. It must not block.

        What is there already is announced with the first listing, so subscribe before `run`.
        """
        self._handlers.append(handler)

    async def synced(self) -> None:
        """Returns once the first listing is in the cache."""
        await self._synced.wait()

    def get(self, namespace: str, name: str) -> Object | None:
        """The cached object."""
        return self._objects.get((namespace, name))

    def __iter__(self) -> Iterator[Object]:
        return iter(self._objects.values())

    def in_namespace(self, namespace: str) -> list[Object]:
        """The cached objects of a namespace."""
        return list(self._namespaces.get(namespace, {}).values())

    async def run(self) -> None:
        """Lists, then watches, for ever; lists again when the watch fell behind."""
        while True:
            try:
                objects, revision = await self._client.list(self.resource)
                self._replace(objects)
                self._synced.set()
                await self._follow(self._client.watch(self.resource, None, revision))
            except StatusError as error:
                if error.code != 410:
                    log.warning("watching %s failed: %s", self.resource, error)
            await asyncio.sleep(_RETRY_S)

    async def _follow(self, watch: AsyncIterator[tuple[str, Object]]) -> None:
        async for kind, obj in watch:
            self._change(key_of(obj), None if kind == "DELETED" else obj)

    def _replace(self, objects: list[Object]) -> None:
        present = {key_of(obj): obj for obj in objects}
        for key in self._objects.keys() - present.keys():
            self._change(key, None)
        for key, obj in present.items():
            known = self._objects.get(key)
            if known is None or _revision(known) != _revision(obj):
                self._change(key, obj)

    def _change(self, key: Key, new: Object | None) -> None:
        old = self._objects.get(key)
        if new is None:
            if old is None:
                return
            del self._objects[key]
            self._namespaces[key[0]].pop(key, None)
        else:
            self._objects[key] = new
            self._namespaces.setdefault(key[0], {})[key] = new
        for handler in self._handlers:
            try:
                handler(old, new)
            except Exception as error:
                # One controller's mistake must not hide the change from the others.
                where = "/".join((self.resource, *key))
                log.error("a handler failed on %s: %s: %s", where, type(error).__name__, error)


def _revision(obj: Object) -> str:
    return str(obj["metadata"].get("resourceVersion", ""))


class Informers:
    """One informer per resource, shared by all controllers."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._informers: dict[str, Informer] = {}

    def of(self, resource: str) -> Informer:
        """The informer of `resource`, as in `endpointslices.discovery.k8s.io`."""
        if resource not in self._informers:
            self._informers[resource] = Informer(self._client, resource)
        return self._informers[resource]

    def __iter__(self) -> Iterator[Informer]:
        return iter(list(self._informers.values()))
