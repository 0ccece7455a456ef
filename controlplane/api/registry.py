"""The one pipeline that every read and write goes through, from clients and controllers alike.

A write: defaults, what the kind's strategy sets, metadata, validation, compare-and-swap. The
objects handed in belong to the registry from then on; those handed out are shared.
"""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from controlplane.api import errors, metadata
from controlplane.api.inert import inert_warning
from controlplane.api.objects import content_of, copy_json, finalizers_of, name_of
from controlplane.api.selectors import EVERYTHING, Selection
from controlplane.api.strategy import BaseStrategy, Context, Strategy
from controlplane.store.base import Stored
from controlplane.store.errors import AlreadyExists, Conflict, Expired, FutureRevision, NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractAsyncContextManager

    from controlplane.api.resources import Resource, ResourceTable
    from controlplane.api.strategy import Reader
    from controlplane.config import ClusterSettings
    from controlplane.store.base import Page, Store

Object = dict[str, Any]
_ATTEMPTS = 8
"""Tries of a write that lost a race, or of a generated name that was taken."""
_PLAIN = BaseStrategy()


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """What a write request says beside the object."""

    dry_run: bool = False
    user: str = "kubernetes-admin"
    manager: str = ""
    """The field manager; empty: field ownership is not tracked for this write."""
    subresource: str = ""
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Change:
    """A write about to be stored, as a field tracker sees it. `old` is None for a create.

    The tracker returns the object with its managedFields, in a copy.
    """

    obj: Object
    old: Object | None
    resource: Resource
    options: WriteOptions
    now: datetime


class Registry:
    """Reads and writes of all kinds."""

    def __init__(
        self,
        store: Store,
        resources: ResourceTable,
        settings: ClusterSettings,
        strategies: Mapping[tuple[str, str], Strategy] | None = None,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        track_fields: Callable[[Change], Object] = lambda change: change.obj,
    ) -> None:
        self.store = store
        self.resources = resources
        self.settings = settings
        self.now = now
        self.reader: Reader | None = None
        self._strategies = strategies or {}
        self._track_fields = track_fields
        self._locks: dict[str, asyncio.Lock] = {}

    # Reads

    async def get(self, resource: Resource, namespace: str | None, name: str) -> Stored:
        """One object. Raises StatusError 404."""
        found = await self.store.get(resource.key(namespace, name))
        if found is None:
            raise errors.not_found(resource.qualified, name)
        return found

    async def list(
        self,
        resource: Resource,
        namespace: str | None = None,
        selection: Selection = EVERYTHING,
        *,
        limit: int = 0,
        continue_token: str | None = None,
        revision: int | None = None,
    ) -> Page:
        """A page of a listing. Raises StatusError 400 or 410 for its token or revision."""
        select = (lambda stored: selection.matches(stored.value)) if selection else None
        prefix = resource.key_prefix(namespace or selection.namespace)
        try:
            return await self.store.list(
                prefix, limit, continue_token, select=select, revision=revision
            )
        except ValueError as error:
            raise errors.bad_request(f"continue key is not valid: {error}") from error
        except Expired as error:
            raise errors.expired(_expired_message(continue_token, error)) from error
        except FutureRevision as error:
            raise errors.StatusError(504, "Timeout", str(error)) from error

    # Writes

    def strategy(self, resource: Resource) -> Strategy:
        """The hooks of a kind."""
        return self._strategies.get((resource.group, resource.kind), _PLAIN)

    def context(self, options: WriteOptions) -> Context:
        """What a strategy's hooks are given."""
        assert self.reader is not None, "a Client was made for this registry"
        return Context(
            reader=self.reader,
            settings=self.settings,
            now=self.now,
            user=options.user,
            subresource=options.subresource,
            dry_run=options.dry_run,
            warnings=options.warnings,
        )

    async def create(
        self, resource: Resource, namespace: str | None, obj: Object, options: WriteOptions
    ) -> Stored:
        """Stores a new object. Raises StatusError 403, 404, 409, 422."""
        address(resource, namespace, obj)
        metadata.drop_empty(obj)
        if warning := inert_warning(resource):
            options.warnings.append(warning)
        if resource.namespaced:
            await self._admit_into_namespace(resource, str(namespace), obj)
        async with self._serialized(resource):
            base = "" if name_of(obj) else obj["metadata"].get("generateName", "")
            if not base:
                return await self._create_named(resource, namespace, obj, options)
            for _ in range(_ATTEMPTS - 1):
                named = copy_json(obj)
                named["metadata"]["name"] = metadata.generated_name(base)
                try:
                    return await self._create_named(resource, namespace, named, options)
                except errors.StatusError as error:
                    if error.reason != "AlreadyExists":
                        raise
            obj["metadata"]["name"] = metadata.generated_name(base)
            return await self._create_named(resource, namespace, obj, options)

    async def _create_named(
        self, resource: Resource, namespace: str | None, obj: Object, options: WriteOptions
    ) -> Stored:
        strategy = self.strategy(resource)
        name = name_of(obj)
        key = resource.key(namespace, name)
        if name and await self.store.get(key) is not None:
            raise errors.already_exists(resource.qualified, name)
        metadata.stamp_new(obj, resource, self.now())
        strategy.default(obj)
        await strategy.prepare_create(obj, self.context(options))
        self._validate(resource, obj, None)
        obj = self._track_fields(Change(obj, None, resource, options, self.now()))
        if options.dry_run:
            return Stored(key, 0, obj)
        try:
            return await self.store.create(key, obj)
        except AlreadyExists as error:
            raise errors.already_exists(resource.qualified, name) from error

    async def _admit_into_namespace(self, resource: Resource, namespace: str, obj: Object) -> None:
        found = await self.store.get(f"/registry/core/namespaces/{namespace}")
        if found is None:
            raise errors.not_found("namespaces", namespace)
        if found.value["metadata"].get("deletionTimestamp"):
            why = (
                f"unable to create new content in namespace {namespace} "
                "because it is being terminated"
            )
            cause = {
                "reason": "NamespaceTerminating",
                "message": f"namespace {namespace} is being terminated",
                "field": "metadata.namespace",
            }
            raise errors.forbidden(resource.qualified, name_of(obj), why, [cause])

    async def update(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        change: Callable[[Object], Object],
        options: WriteOptions,
    ) -> Stored:
        """Stores what `change` makes of the present object (of its own copy of it).

        A resourceVersion in the result has to be the present one. A write that loses a race is
        tried again from the new state. Raises StatusError 404, 409, 422.
        """
        key = resource.key(namespace, name)
        async with self._serialized(resource):
            for _ in range(_ATTEMPTS):
                found = await self.get(resource, namespace, name)
                new = change(copy_json(found.value))
                _check_revision(resource, found, new)
                try:
                    return await self._replace(resource, key, found, new, options)
                except Conflict:
                    continue
                except NotFound as error:
                    raise errors.not_found(resource.qualified, name) from error
        raise errors.conflict(resource.qualified, name)

    async def _replace(
        self, resource: Resource, key: str, found: Stored, new: Object, options: WriteOptions
    ) -> Stored:
        old = found.value
        address(resource, old["metadata"].get("namespace"), new)
        metadata.drop_empty(new)
        new = _only_what_is_addressed(resource, new, old, options.subresource)
        metadata.keep_identity(new, old)
        strategy = self.strategy(resource)
        strategy.default(new)
        await strategy.prepare_update(new, old, self.context(options))
        self._validate(resource, new, old)
        if resource.has_generation and content_of(new) != content_of(old):
            new["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1
        new["metadata"]["resourceVersion"] = str(found.revision)
        new = self._track_fields(Change(new, old, resource, options, self.now()))
        if new == old:
            return found
        if options.dry_run:
            return Stored(key, found.revision, new)
        if not is_held(new):
            await self.store.delete(key, found.revision)
            await strategy.after_delete(new, self.context(options))
            return Stored(key, found.revision, new)
        return await self.store.update(key, new, found.revision)

    def _validate(self, resource: Resource, obj: Object, old: Object | None) -> None:
        found = metadata.validate_metadata(obj, old, resource)
        found += self.strategy(resource).validate(obj, old)
        if found:
            unique = list(dict.fromkeys(found))
            raise errors.invalid(resource.qualified_kind, name_of(obj), unique)

    def _serialized(self, resource: Resource) -> AbstractAsyncContextManager[Any]:
        if not self.strategy(resource).serialize_writes:
            return nullcontext()
        return self._locks.setdefault(resource.qualified, asyncio.Lock())


def is_held(obj: Object) -> bool:
    """Whether an object stays: not deleted, or still with a finalizer or a grace period."""
    about = obj["metadata"]
    if not about.get("deletionTimestamp"):
        return True
    return bool(finalizers_of(obj) or about.get("deletionGracePeriodSeconds"))


def address(resource: Resource, namespace: str | None, obj: Object) -> None:
    """Makes the object say where it is: apiVersion, kind, namespace. Raises StatusError 400."""
    obj["apiVersion"] = resource.api_version
    obj["kind"] = resource.kind
    about = obj.setdefault("metadata", {})
    if not resource.namespaced:
        about.pop("namespace", None)
        return
    if about.setdefault("namespace", namespace) != namespace:
        raise errors.bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )


def _check_revision(resource: Resource, found: Stored, new: Object) -> None:
    wanted = (new.get("metadata") or {}).get("resourceVersion")
    if not wanted:
        if not resource.unconditional_update:
            error = errors.invalid_value(
                "metadata.resourceVersion", 0, "must be specified for an update"
            )
            raise errors.invalid(resource.qualified_kind, name_of(found.value), [error])
        return
    if wanted != str(found.revision):
        raise errors.conflict(resource.qualified, name_of(found.value))
    uid = new["metadata"].get("uid")
    if uid and uid != found.value["metadata"].get("uid"):
        why = (
            f"Precondition failed: UID in precondition: {uid}, "
            f"UID in object meta: {found.value['metadata'].get('uid')}"
        )
        raise errors.conflict(resource.qualified, name_of(found.value), why)


_METADATA_WITH_STATUS = ("labels", "annotations", "finalizers", "managedFields")


def _only_what_is_addressed(
    resource: Resource, new: Object, old: Object, subresource: str
) -> Object:
    """The new state: `/status` writes the status and no spec, the object itself the reverse."""
    if subresource == "status":
        merged: Object = copy_json(old)
        merged["status"] = new.get("status") or {}
        for name in _METADATA_WITH_STATUS:
            if name in new["metadata"]:
                merged["metadata"][name] = new["metadata"][name]
            else:
                merged["metadata"].pop(name, None)
        return merged
    if resource.has_status and subresource != "finalize":
        if "status" in old:
            new["status"] = copy_json(old["status"])
        else:
            new.pop("status", None)
    return new


def _expired_message(continue_token: str | None, error: Expired) -> str:
    if continue_token is None:
        return str(error)
    return (
        "The provided continue parameter is too old to display a consistent list result. You can "
        "start a new list without the continue parameter."
    )
