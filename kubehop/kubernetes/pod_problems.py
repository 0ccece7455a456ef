"""Why pods are not ready, in the words that the cluster has for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubehop.kubernetes.conditions import is_ready
from kubehop.kubernetes.paths import namespaced

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kubehop.kubernetes.client import ApiClient

    Object = dict[str, Any]


def first_problem(client: ApiClient, pods: Iterable[Object]) -> str:
    """What the first pod that is not ready waits for, with its last warning; empty: none does."""
    for pod in pods:
        if not _is_done(pod):
            metadata = pod["metadata"]
            path = namespaced("v1", "events", metadata["namespace"])
            warning = last_warning(client.get(path)["items"], metadata["name"])
            return f"pod {metadata['name']}: {pod_problem(pod, warning)}"
    return ""


def _is_done(pod: Object) -> bool:
    return is_ready(pod) or (pod.get("status") or {}).get("phase") == "Succeeded"


def pod_problem(pod: Object, warning: str) -> str:
    """Why a pod is not ready; its last warning, where its status has no words for it."""
    status = pod.get("status") or {}
    for condition in status.get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return f"{condition.get('reason', 'Unscheduled')}: {condition.get('message', '')}"
    containers = (
        *(status.get("initContainerStatuses") or ()),
        *(status.get("containerStatuses") or ()),
    )
    for container in containers:
        if problem := _container_problem(container, warning):
            return problem
    return _with(warning, f"it is {status.get('phase', 'Pending')} and not ready")


def _with(warning: str, problem: str) -> str:
    return f"{problem}: {warning}" if warning else problem


def _container_problem(container: Object, warning: str) -> str:
    state = container.get("state") or {}
    name = container["name"]
    if waiting := state.get("waiting"):
        words = ": ".join(filter(None, (waiting.get("reason"), waiting.get("message"))))
        return f"container {name} waits: {words}{_last_end(container)}"
    if (ended := state.get("terminated")) and ended.get("exitCode"):
        return f"container {name} has ended with exit code {ended['exitCode']}"
    if "running" in state and not container.get("ready"):
        return _with(warning, f"container {name} runs and is not ready")
    return ""


def _last_end(container: Object) -> str:
    ended = (container.get("lastState") or {}).get("terminated")
    return f"; it ended with exit code {ended['exitCode']}" if ended else ""


def last_warning(events: Sequence[Object], pod: str) -> str:
    """The message of the pod's youngest Warning event; empty without one."""
    found = [
        event
        for event in events
        if event.get("type") == "Warning" and event["involvedObject"].get("name") == pod
    ]
    if not found:
        return ""
    return str(max(found, key=_time).get("message", ""))


def _time(event: Object) -> str:
    """RFC 3339 in UTC: the texts are in the order of time."""
    return str(event.get("lastTimestamp") or event["metadata"].get("creationTimestamp") or "")
