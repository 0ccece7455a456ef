"""The in-process client: what controllers and the gRPC service use in place of HTTP.

Every call goes through the same registry as a request from outside. Objects that it returns are
shared and must not be changed: `copy_json` them first. Objects that it is given are copied.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controlplane.api import deletion
from controlplane.api.objects import copy_json, name_of
from controlplane.api.registry import WriteOptions
from controlplane.api.selectors import parse_selection
from controlplane.api.strategy import DeleteOptions
from controlplane.api.watching import ApiWatch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from controlplane.api.registry import Registry
    from controlplane.store.base import Watch

Object = dict[str, Any]


class Client:
    """Reads and writes of any kind; `resource` as in `pods` or `deployments.apps`."""

    def __init__(self, registry: Registry, user: str = "system:kubehop") -> None:
        self.registry = registry
        self._user = user
        if registry.reader is None:
            registry.reader = self

    async def get(self, resource: str, name: str, namespace: str | None = None) -> Object:
        """One object. Raises StatusError 404."""
        found = self.registry.resources.by_name(resource)
        return (await self.registry.get(found, namespace, name)).value

    async def list(
        self,
        resource: str,
        namespace: str | None = None,
        label_selector: str | None = None,
        field_selector: str | None = None,
    ) -> tuple[list[Object], str]:
        """The objects, and the resourceVersion to watch from."""
        found = self.registry.resources.by_name(resource)
        selection = parse_selection(found, label_selector, field_selector)
        page = await self.registry.list(found, namespace, selection)
        return [stored.value for stored in page.items], str(page.revision)

    def changes(self, resource: str, from_revision: int) -> Watch:
        """All committed writes of a resource after a revision; the caller closes it.

        Raises store.Expired or FutureRevision.
        """
        found = self.registry.resources.by_name(resource)
        return self.registry.store.watch(found.key_prefix(None), from_revision)

    async def create(self, resource: str, obj: Object) -> Object:
        """Stores a new object and returns it. Raises StatusError."""
        found = self.registry.resources.by_name(resource)
        fresh = copy_json(obj)
        namespace = fresh.setdefault("metadata", {}).get("namespace")
        return (await self.registry.create(found, namespace, fresh, self._options())).value

    async def update(self, resource: str, obj: Object, *, subresource: str = "") -> Object:
        """Replaces an object; with a resourceVersion only that one (409 otherwise)."""
        return await self._change(
            resource,
            name_of(obj),
            obj["metadata"].get("namespace"),
            lambda _: copy_json(obj),
            subresource,
        )

    async def update_status(self, resource: str, obj: Object) -> Object:
        """Replaces the status and nothing else of the spec."""
        return await self.update(resource, obj, subresource="status")

    async def patch(
        self,
        resource: str,
        name: str,
        change: Callable[[Object], Object | None],
        namespace: str | None = None,
        *,
        subresource: str = "",
    ) -> Object:
        """Applies `change` to a copy of the present object, again when a race was lost.

        `change` edits its argument in place, or returns a new object.
        """

        def apply(current: Object) -> Object:
            changed = change(current)
            return current if changed is None else changed

        return await self._change(resource, name, namespace, apply, subresource)

    async def delete(
        self,
        resource: str,
        name: str,
        namespace: str | None = None,
        *,
        uid: str | None = None,
        resource_version: str | None = None,
        grace_period_seconds: int | None = None,
        propagation_policy: str | None = None,
    ) -> Object:
        """Deletes or marks an object and returns its last state. Raises StatusError 404, 409."""
        options = DeleteOptions(
            grace_period_s=grace_period_seconds,
            propagation_policy=propagation_policy,
            uid=uid,
            resource_version=resource_version,
        )
        found = self.registry.resources.by_name(resource)
        return (await deletion.delete(self.registry, found, namespace, name, options)).stored.value

    async def watch(
        self,
        resource: str,
        namespace: str | None = None,
        resource_version: str | None = None,
        label_selector: str | None = None,
        field_selector: str | None = None,
    ) -> AsyncIterator[tuple[str, Object]]:
        """Changes after `resource_version`, for ever; without one the present objects first.

        Types are ADDED, MODIFIED, DELETED. Raises StatusError 410 when the history is gone.
        """
        found = self.registry.resources.by_name(resource)
        selection = parse_selection(found, label_selector, field_selector)
        if resource_version is None:
            page = await self.registry.list(found, namespace, selection)
            for stored in page.items:
                yield "ADDED", stored.value
            revision = page.revision
        else:
            revision = int(resource_version)
        watch = ApiWatch(self.registry.store, found, namespace, selection, revision)
        try:
            async for change in watch:
                yield change.type, change.value
        finally:
            watch.close()

    async def _change(
        self,
        resource: str,
        name: str,
        namespace: str | None,
        change: Callable[[Object], Object],
        subresource: str,
    ) -> Object:
        found = self.registry.resources.by_name(resource)
        options = self._options(subresource)
        return (await self.registry.update(found, namespace, name, change, options)).value

    def _options(self, subresource: str = "") -> WriteOptions:
        return WriteOptions(user=self._user, subresource=subresource)
