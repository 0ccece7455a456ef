"""The fields that field selectors may name, by kind, and how they are read.

Source: the conversion functions and `SelectableFields` of Kubernetes 1.33.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_COMMON = frozenset(("metadata.name", "metadata.namespace"))
_INVOLVED = tuple(
    f"involvedObject.{name}"
    for name in ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
)
_BY_KIND: dict[tuple[str, str], tuple[str, ...]] = {
    ("", "Pod"): (
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.nominatedNodeName",
    ),
    ("", "Event"): (*_INVOLVED, "reason", "reportingComponent", "source", "type"),
    ("", "Node"): ("spec.unschedulable",),
    ("", "Namespace"): ("status.phase",),
    ("", "Secret"): ("type",),
    ("", "Service"): ("spec.clusterIP", "spec.type"),
    ("", "ReplicationController"): ("status.replicas",),
    ("apps", "ReplicaSet"): ("status.replicas",),
    ("batch", "Job"): ("status.successful",),
}
_ELSEWHERE = {"status.successful": "status.succeeded", "source": "source.component"}
_BOOLEANS = frozenset(("spec.hostNetwork", "spec.unschedulable"))
_NUMBERS = frozenset(("status.replicas", "status.succeeded"))


def selectable_path(group: str, kind: str, label: str) -> str | None:
    """Where the field of that name is in a stored object, None when it cannot be selected."""
    if group == "events.k8s.io":
        group, label = "", _core_event_label(label)
    if label in _COMMON or label in _BY_KIND.get((group, kind), ()):
        return _ELSEWHERE.get(label, label)
    return None


def _core_event_label(label: str) -> str:
    if label.startswith("regarding."):
        return "involvedObject." + label.removeprefix("regarding.")
    return "reportingComponent" if label == "reportingController" else label


def selectable_field(obj: Mapping[str, Any], path: str) -> str:
    """The field as text: absent is empty, `false` or `0`, as a Go zero value prints."""
    found: Any = obj
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    if path in _BOOLEANS:
        return "true" if found else "false"
    if path in _NUMBERS:
        return str(found or 0)
    return "" if found is None else str(found)
