"""Kinds that are two views of the same stored objects.

Events are stored as core/v1 and also shown as events.k8s.io/v1; HorizontalPodAutoscalers are
stored as autoscaling/v2 and also shown as v1 (with the CPU target only, other metrics stay
unseen). Sources: k8s.io/kubernetes pkg/apis/events/v1/conversion.go and
pkg/apis/autoscaling/v1/conversion.go.
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
_CPU_TARGET = "targetCPUUtilizationPercentage"


def storage_of(resource: Resource, resources: ResourceTable) -> Resource:
    """The resource whose objects are stored for this one: mostly itself."""
    return resources.by_name(resource.stored_as) if resource.stored_as else resource


def to_storage(resource: Resource, obj: Object) -> Object:
    """An object of this resource in its stored form."""
    if not resource.stored_as:
        return obj
    if resource.kind == "Event":
        stored = {_EVENTS_TO_CORE.get(name, name): value for name, value in obj.items()}
        return stored | {"apiVersion": "v1"}
    return _autoscaler_to_v2(obj)


def from_storage(resource: Resource, obj: Object) -> Object:
    """A stored object as this resource shows it."""
    if not resource.stored_as:
        return obj
    if resource.kind == "Event":
        shown = {_CORE_TO_EVENTS.get(name, name): value for name, value in obj.items()}
        return shown | {"apiVersion": resource.api_version}
    return _autoscaler_to_v1(obj)


def _autoscaler_to_v2(obj: Object) -> Object:
    spec = dict(obj.get("spec") or {})
    percentage = spec.pop(_CPU_TARGET, None)
    if percentage is not None:
        target = {"type": "Utilization", "averageUtilization": percentage}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    return obj | {"apiVersion": "autoscaling/v2", "spec": spec}


def _autoscaler_to_v1(obj: Object) -> Object:
    spec = dict(obj.get("spec") or {})
    for metric in spec.pop("metrics", None) or ():
        resource = metric.get("resource") or {}
        percentage = (resource.get("target") or {}).get("averageUtilization")
        if resource.get("name") == "cpu" and percentage is not None:
            spec[_CPU_TARGET] = percentage
    spec.pop("behavior", None)
    counts = ("currentReplicas", "desiredReplicas", "lastScaleTime", "observedGeneration")
    status = {n: v for n, v in (obj.get("status") or {}).items() if n in counts}
    shown = obj | {"apiVersion": "autoscaling/v1", "spec": spec}
    if "status" in obj:
        shown["status"] = status
    return shown
