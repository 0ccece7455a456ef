"""Status conditions of pods, nodes and Deployments, and the small questions asked of pods."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from controlplane.api.metadata import timestamp

Object = dict[str, Any]
FINISHED_PHASES = ("Succeeded", "Failed")


def condition(obj: Object, kind: str) -> Object | None:
    """The condition of that type in the status. Shared: do not change it."""
    for entry in (obj.get("status") or {}).get("conditions") or ():
        if entry.get("type") == kind:
            found: Object = entry
            return found
    return None


def is_true(obj: Object, kind: str) -> bool:
    """Whether the condition is there and True."""
    found = condition(obj, kind)
    return found is not None and found.get("status") == "True"


def with_condition(conditions: list[Object], new: Object, now: datetime) -> list[Object]:
    """The list with `new` in the place of its type.

    lastTransitionTime moves with the status only, as in Kubernetes.
    """
    entry = {"lastTransitionTime": timestamp(now), **new}
    result = []
    found = False
    for old in conditions:
        if old.get("type") != new["type"]:
            result.append(old)
            continue
        found = True
        if old.get("status") == new["status"] and old.get("lastTransitionTime"):
            entry["lastTransitionTime"] = old["lastTransitionTime"]
        result.append(entry)
    return result if found else [*result, entry]


def is_terminating(obj: Object) -> bool:
    """Whether a DELETE has been accepted."""
    return bool(obj["metadata"].get("deletionTimestamp"))


def is_finished(pod: Object) -> bool:
    """Whether the pod's containers have ended for good."""
    return (pod.get("status") or {}).get("phase") in FINISHED_PHASES


def is_active(pod: Object) -> bool:
    """Whether the pod counts as a replica: neither finished nor being deleted."""
    return not is_finished(pod) and not is_terminating(pod)


def node_of(pod: Object) -> str:
    """The node that the pod is bound to, empty for none."""
    return str((pod.get("spec") or {}).get("nodeName") or "")


def controller_of(obj: Object) -> Object | None:
    """The owner reference which manages the object. Shared: do not change it."""
    for owner in obj["metadata"].get("ownerReferences") or ():
        if owner.get("controller"):
            found: Object = owner
            return found
    return None


def owner_reference(owner: Object, api_version: str, kind: str) -> Object:
    """A reference to the managing owner, which cannot go in the foreground before its objects."""
    return {
        "apiVersion": api_version,
        "kind": kind,
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def parse_time(text: str | None) -> datetime | None:
    """An RFC 3339 time as the API writes it, None when absent or malformed."""
    if not text:
        return None
    try:
        parsed = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
