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
        if problem := pod_problem(pod):
            metadata = pod["metadata"]
            path = namespaced("v1", "events", metadata["namespace"])
            warning = last_warning(client.get(path)["items"], metadata["name"])
            more = f" ({warning})" if warning and warning not in problem else ""
            return f"pod {metadata['name']}: {problem}{more}"
    return ""


def pod_problem(pod: Object) -> str:
    """Why the pod is not ready; empty when it is, or has done its work."""
    status = pod.get("status") or {}
    phase = status.get("phase", "Pending")
    if is_ready(pod) or phase == "Succeeded":
        return ""
    for condition in status.get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return f"{condition.get('reason', 'Unscheduled')}: {condition.get('message', '')}"
    containers = (
        *(status.get("initContainerStatuses") or ()),
        *(status.get("containerStatuses") or ()),
    )
    for container in containers:
        if problem := _container_problem(container):
            return problem
    return f"it is {phase} and not ready"


def _container_problem(container: Object) -> str:
    state = container.get("state") or {}
    name = container["name"]
    if waiting := state.get("waiting"):
        words = ": ".join(filter(None, (waiting.get("reason"), waiting.get("message"))))
        return f"container {name} waits: {words}{_last_end(container)}"
    if (ended := state.get("terminated")) and ended.get("exitCode"):
        return f"container {name} has ended with exit code {ended['exitCode']}"
    if state.get("running") and not container.get("ready"):
        return f"container {name} runs and is not ready"
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
