"""DELETE as Kubernetes does it: preconditions, finalizers, grace periods, propagation.

Source: k8s.io/apiserver pkg/registry/rest/delete.go and pkg/registry/generic/registry/store.go.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from controlplane.api import errors
from controlplane.api.metadata import timestamp
from controlplane.api.objects import copy_json, finalizers_of, name_of
from controlplane.api.registry import WriteOptions
from controlplane.store.base import Stored
from controlplane.store.errors import Conflict, NotFound

if TYPE_CHECKING:
    from datetime import datetime

    from controlplane.api.registry import Registry
    from controlplane.api.resources import Resource
    from controlplane.api.selectors import Selection
    from controlplane.api.strategy import DeleteOptions

Object = dict[str, Any]
_ATTEMPTS = 8
_MAX_GRACE_S = 100 * 365 * 86400
"""What a deletionTimestamp can say; who asks for more has to kill the pod anyway."""
_FINALIZER_OF_POLICY = {"Foreground": "foregroundDeletion", "Orphan": "orphan"}


@dataclass(frozen=True, slots=True)
class Deletion:
    """What became of a DELETE: the object gone, or marked and still there."""

    stored: Stored
    removed: bool


async def delete(
    registry: Registry,
    resource: Resource,
    namespace: str | None,
    name: str,
    options: DeleteOptions,
) -> Deletion:
    """Removes or marks one object. Raises StatusError 404, 409."""
    for _ in range(_ATTEMPTS):
        found = await registry.get(resource, namespace, name)
        check_preconditions(resource, found, options)
        try:
            return await _delete_once(registry, resource, found, options)
        except Conflict:
            continue
        except NotFound as error:
            raise errors.not_found(resource.qualified, name) from error
    raise errors.conflict(resource.qualified, name)


async def _delete_once(
    registry: Registry, resource: Resource, found: Stored, options: DeleteOptions
) -> Deletion:
    strategy = registry.strategy(resource)
    options = _with_propagation(options, strategy.default_propagation, found.value)
    marked = marked_for_deletion(
        found.value, strategy.graceful_delete(found.value, options).seconds, options, registry.now()
    )
    held = bool(finalizers_of(marked) or marked["metadata"]["deletionGracePeriodSeconds"])
    if options.dry_run:
        return Deletion(Stored(found.key, found.revision, marked), removed=not held)
    if held:
        if marked == found.value:
            return Deletion(found, removed=False)
        stored = await registry.store.update(found.key, marked, found.revision)
        return Deletion(stored, removed=False)
    stored = await registry.store.delete(found.key, found.revision)
    await strategy.after_delete(stored.value, registry.context(WriteOptions()))
    return Deletion(stored, removed=True)


def _with_propagation(options: DeleteOptions, default: str | None, obj: Object) -> DeleteOptions:
    """What the request says goes first, then a finalizer, then the kind's default."""
    decided = set(_FINALIZER_OF_POLICY.values()) & set(obj["metadata"].get("finalizers") or ())
    if options.propagation_policy is not None or default is None or decided:
        return options
    return replace(options, propagation_policy=default)


def marked_for_deletion(obj: Object, grace_s: int, options: DeleteOptions, now: datetime) -> Object:
    """A copy that says it is being deleted. A second DELETE can only shorten the grace."""
    marked: Object = copy_json(obj)
    about = marked["metadata"]
    _set_propagation(about, options.propagation_policy)
    before = about.get("deletionGracePeriodSeconds")
    if about.get("deletionTimestamp") and (before or 0) <= grace_s:
        about["deletionGracePeriodSeconds"] = before or 0
    else:
        about["deletionTimestamp"] = timestamp(now + timedelta(seconds=min(grace_s, _MAX_GRACE_S)))
        about["deletionGracePeriodSeconds"] = grace_s
        if "generation" in about:
            about["generation"] += 1
    if marked["kind"] == "Namespace":
        marked.setdefault("status", {})["phase"] = "Terminating"
    return marked


def _set_propagation(about: Object, policy: str | None) -> None:
    """Records the policy for the garbage collector, as a finalizer."""
    if policy is None:
        return
    kept = [f for f in about.get("finalizers") or () if f not in _FINALIZER_OF_POLICY.values()]
    if policy in _FINALIZER_OF_POLICY:
        kept.append(_FINALIZER_OF_POLICY[policy])
    if kept:
        about["finalizers"] = kept
    else:
        about.pop("finalizers", None)


def check_preconditions(resource: Resource, found: Stored, options: DeleteOptions) -> None:
    """Raises StatusError 409 when the object is not the one that was meant."""
    about = found.value["metadata"]
    for label, wanted, actual in (
        ("UID", options.uid, about.get("uid")),
        ("ResourceVersion", options.resource_version, about.get("resourceVersion")),
    ):
        if wanted and wanted != actual:
            why = (
                f"Precondition failed: {label} in precondition: {wanted}, "
                f"{label} in object meta: {actual}"
            )
            raise errors.conflict(resource.qualified, name_of(found.value), why)


async def delete_collection(
    registry: Registry,
    resource: Resource,
    namespace: str | None,
    selection: Selection,
    options: DeleteOptions,
) -> list[Stored]:
    """Deletes all that is selected and returns it as it was; what vanishes meanwhile is fine."""
    page = await registry.list(resource, namespace, selection)
    for stored in page.items:
        about = stored.value["metadata"]
        try:
            await delete(registry, resource, about.get("namespace"), about["name"], options)
        except errors.StatusError as error:
            if error.reason != "NotFound":
                raise
    return page.items
