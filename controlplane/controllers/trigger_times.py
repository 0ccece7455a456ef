"""Since when what a Service's slices say is true: how late they are can be told from it.

Source: Kubernetes staging/src/k8s.io/endpointslice/util/trigger_time_tracker.go.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from controlplane.controllers.conditions import condition

if TYPE_CHECKING:
    from collections.abc import Iterable

    from controlplane.controllers.informer import Key

Object = dict[str, Any]
LAST_CHANGE = "endpoints.kubernetes.io/last-change-trigger-time"


_Turn = tuple[str, str]
"""When a pod's readiness turned, and to what: a pod may turn twice in one second."""


@dataclass(slots=True)
class _Known:
    service: str = ""
    pods: dict[str, _Turn] = field(default_factory=dict)


class TriggerTimes:
    """Times are texts as the API writes them (RFC 3339, UTC, whole seconds), so they compare."""

    def __init__(self) -> None:
        self._known: dict[Key, _Known] = {}

    def changed_at(self, service: Object, pods: Iterable[Object]) -> str:
        """When the earliest of the changes since the last call happened; empty without any.

        For a Service that is seen for the first time, its creation.
        """
        about = service["metadata"]
        key = (str(about["namespace"]), str(about["name"]))
        now = _Known(str(about.get("creationTimestamp") or ""))
        for pod in pods:
            ready = condition(pod, "Ready") or {}
            if ready.get("lastTransitionTime"):
                turn = str(ready["lastTransitionTime"]), str(ready.get("status"))
                now.pods[str(pod["metadata"]["name"])] = turn
        before = self._known.get(key)
        self._known[key] = now
        if before is None:
            return now.service
        later = [
            turn[0]
            for pod, turn in now.pods.items()
            if turn[0] >= before.pods.get(pod, ("", ""))[0] and turn != before.pods.get(pod)
        ]
        if now.service > before.service:
            later.append(now.service)
        return min(later, default="")

    def forget(self, key: Key) -> None:
        """The Service is gone."""
        self._known.pop(key, None)
