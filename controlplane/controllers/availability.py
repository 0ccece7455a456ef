"""Since when a pod is ready, and from when on it counts as available. Pure."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from controlplane.controllers.conditions import condition, is_active, is_true, parse_time

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

Object = dict[str, Any]


def is_available(pod: Object, min_ready_s: int, now: datetime) -> bool:
    """Whether the pod has been ready for long enough."""
    if not is_true(pod, "Ready"):
        return False
    due = _available_from(pod, min_ready_s)
    return min_ready_s == 0 or (due is not None and due <= now)


def seconds_until_available(
    pods: Iterable[Object], min_ready_s: int, now: datetime
) -> float | None:
    """When the next of the ready pods will count as available, None when no pod is to."""
    waits = [
        (due - now).total_seconds()
        for pod in pods
        if is_active(pod) and is_true(pod, "Ready") and not is_available(pod, min_ready_s, now)
        if (due := _available_from(pod, min_ready_s)) is not None
    ]
    return min(waits, default=None)


def _available_from(pod: Object, min_ready_s: int) -> datetime | None:
    since = parse_time((condition(pod, "Ready") or {}).get("lastTransitionTime"))
    return None if since is None else since + timedelta(seconds=min_ready_s)


def min_ready_seconds(workload: Object) -> int:
    """`spec.minReadySeconds`, 0 when it is not set."""
    return int(workload["spec"].get("minReadySeconds") or 0)
