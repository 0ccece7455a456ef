"""Kinds that are two views of the same stored objects: core/v1 and events.k8s.io/v1 Events.

Source: k8s.io/kubernetes pkg/apis/events/v1/conversion.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from controlplane.api.resources import Resource, ResourceTable

Object = dict[str, Any]
_CORE_TO_EVENTS = {
    "involvedObject": "regarding",
    "message": "note",
    "reportingComponent": "reportingController",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
}
_EVENTS_TO_CORE = {new: old for old, new in _CORE_TO_EVENTS.items()}


def storage_of(resource: Resource, resources: ResourceTable) -> Resource:
    """The resource whose objects are stored for this one: mostly itself."""
    return resources.by_name(resource.stored_as) if resource.stored_as else resource


def to_storage(resource: Resource, obj: Object) -> Object:
    """An object of this resource in its stored form."""
    if not resource.stored_as:
        return obj
    stored = {_EVENTS_TO_CORE.get(name, name): value for name, value in obj.items()}
    return stored | {"apiVersion": "v1", "kind": "Event"}


def from_storage(resource: Resource, obj: Object) -> Object:
    """A stored object as this resource shows it."""
    if not resource.stored_as:
        return obj
    shown = {_CORE_TO_EVENTS.get(name, name): value for name, value in obj.items()}
    return shown | {"apiVersion": resource.api_version, "kind": resource.kind}
