"""Deletes what nobody owns any more; foreground and orphan deletions.

Source: Kubernetes pkg/controller/garbagecollector. It watches every kind with one watch.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from controlplane.api.errors import StatusError
from controlplane.controllers.controller import Controller
from controlplane.controllers.ownership import FOREGROUND, ORPHAN, Item, Ownership
from controlplane.store.errors import Expired

if TYPE_CHECKING:
    from controlplane.api.client import Client
    from controlplane.store.base import Event

Object = dict[str, Any]
_PREFIX = "/registry/"
_RETRY_S = 0.2
log = logging.getLogger(__name__)


class GarbageCollector(Controller[Item]):
    """Keys are objects whose owners, or whose own deletion, need a look."""

    name = "garbage-collector"

    def __init__(self, client: Client) -> None:
        super().__init__()
        self._client = client
        self._store = client.registry.store
        self._resources = {
            resource.prefix: resource.qualified
            for resource in client.registry.resources
            if not resource.stored_as
        }
        self._graph = Ownership()

    async def watch(self) -> None:
        """Keeps the picture of who owns whom current, for ever."""
        while True:
            try:
                await self._follow()
            except Expired:
                log.debug("the garbage collector fell behind and reads everything again")
            await asyncio.sleep(_RETRY_S)

    async def _follow(self) -> None:
        page = await self._store.list(_PREFIX)
        self._graph = Ownership()
        for stored in page.items:
            self._put(stored.key, stored.value)
        # Owners may come after their dependents in the listing: only now is anything missing.
        self._recheck([(stored.key, stored.value) for stored in page.items])
        watch = self._store.watch(_PREFIX, page.revision)
        try:
            while True:
                for event in await watch.batch():
                    self._observe(event)
        except StopAsyncIteration:
            return
        finally:
            watch.close()

    def _recheck(self, objects: list[tuple[str, Object]]) -> None:
        for key, obj in objects:
            for item in self._put(key, obj):
                self.queue.add(item)

    def _put(self, key: str, obj: Object) -> list[Item]:
        resource = self._resource_of(key)
        return self._graph.put(resource, obj) if resource else []

    def _resource_of(self, key: str) -> str:
        prefix = "/".join(key.split("/")[:4]) + "/"
        return self._resources.get(prefix, "")

    def _observe(self, event: Event) -> None:
        if event.type == "DELETED":
            work = self._graph.remove(event.value["metadata"]["uid"])
        else:
            work = self._put(event.key, event.value)
        for item in work:
            self.queue.add(item)

    async def reconcile(self, key: Item) -> None:
        """Deletes, releases or lets go one object."""
        try:
            obj = await self._client.get(key.resource, key.name, key.namespace or None)
        except StatusError as error:
            if error.reason != "NotFound":
                raise
            return
        about = obj["metadata"]
        if about["uid"] != key.uid:
            return
        if about.get("deletionTimestamp"):
            finalizers = about.get("finalizers") or ()
            if FOREGROUND in finalizers:
                await self._finish_foreground(key)
            elif ORPHAN in finalizers:
                await self._orphan(key)
            return
        await self._check_owners(key, about)

    async def _check_owners(self, item: Item, about: Object) -> None:
        absent, waiting, solid = [], [], []
        for owner in about.get("ownerReferences") or []:
            if not await self._owner_exists(item, owner):
                absent.append(owner)
            elif self._graph.waits_for_dependents(owner["uid"]):
                waiting.append(owner)
            else:
                solid.append(owner)
        if solid:
            if absent or waiting:
                await self._drop_owners(item, {owner["uid"] for owner in [*absent, *waiting]})
        elif waiting:
            has_dependents = bool(self._graph.dependents(item.uid))
            await self._delete(item, "Foreground" if has_dependents else _own_policy(about))
        elif absent:
            await self._delete(item, _own_policy(about))

    async def _owner_exists(self, item: Item, owner: Object) -> bool:
        """Asks the API, not the picture, which may be a moment behind."""
        group, _, version = str(owner["apiVersion"]).rpartition("/")
        resource = self._client.registry.resources.by_kind(group, version, owner["kind"])
        if resource is None:
            # A kind that this cluster does not serve: nothing is known, so nothing is deleted.
            return True
        if resource.namespaced and not item.namespace:
            # A cluster-scoped object cannot have such an owner: it is never collected for it.
            return True
        namespace = item.namespace if resource.namespaced else None
        try:
            found = await self._client.get(resource.qualified, owner["name"], namespace)
        except StatusError as error:
            if error.reason != "NotFound":
                raise
            return False
        return bool(found["metadata"]["uid"] == owner["uid"])

    async def _delete(self, item: Item, policy: str) -> None:
        try:
            await self._client.delete(
                item.resource,
                item.name,
                item.namespace or None,
                uid=item.uid,
                propagation_policy=policy,
            )
        except StatusError as error:
            if error.reason not in ("NotFound", "Conflict"):
                raise

    async def _drop_owners(self, item: Item, uids: set[str]) -> None:
        def change(current: Object) -> None:
            owners = current["metadata"].get("ownerReferences") or []
            kept = [owner for owner in owners if owner["uid"] not in uids]
            if kept:
                current["metadata"]["ownerReferences"] = kept
            else:
                current["metadata"].pop("ownerReferences", None)

        await self._patch(item, change)

    async def _patch(self, item: Item, change: Any) -> None:
        try:
            await self._client.patch(item.resource, item.name, change, item.namespace or None)
        except StatusError as error:
            if error.reason != "NotFound":
                raise

    async def _finish_foreground(self, item: Item) -> None:
        if self._graph.blocking(item.uid):
            for dependent in self._graph.dependents(item.uid):
                self.queue.add(dependent)
            return
        await self._remove_finalizer(item, FOREGROUND)

    async def _orphan(self, item: Item) -> None:
        for dependent in self._graph.dependents(item.uid):
            await self._drop_owners(dependent, {item.uid})
        await self._remove_finalizer(item, ORPHAN)

    async def _remove_finalizer(self, item: Item, name: str) -> None:
        def change(current: Object) -> None:
            finalizers = current["metadata"].get("finalizers") or []
            current["metadata"]["finalizers"] = [f for f in finalizers if f != name]

        await self._patch(item, change)


def _own_policy(about: Object) -> str:
    """What the object itself says is to become of what it owns."""
    finalizers = about.get("finalizers") or ()
    if ORPHAN in finalizers:
        return "Orphan"
    return "Foreground" if FOREGROUND in finalizers else "Background"
