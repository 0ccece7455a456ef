"""How many pods of a PodDisruptionBudget may be evicted now. Pure.

Source: Kubernetes pkg/controller/disruption/disruption.go.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from controlplane.api.eviction import ALLOWED, allowed_condition
from controlplane.controllers.conditions import (
    is_finished,
    is_terminating,
    is_true,
    parse_time,
    with_condition,
)
from controlplane.controllers.rollout import resolve

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

Object = dict[str, Any]
EVICTION_TIMEOUT = timedelta(minutes=2)
"""An accepted eviction whose pod is still there after that has come to nothing."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """How many pods there should be, and how many of them healthy."""

    pods: int
    healthy: int


def needs_scale(budget: Object) -> bool:
    """Whether the amounts are of what the pods' controllers want, not of what is there."""
    spec = budget["spec"]
    return spec.get("maxUnavailable") is not None or isinstance(spec.get("minAvailable"), str)


def expectation(budget: Object, present: int, scale: int) -> Expectation:
    """`present` pods match now, their controllers want `scale`. Percentages are rounded up."""
    spec = budget["spec"]
    most, least = spec.get("maxUnavailable"), spec.get("minAvailable")
    if most is not None:
        return Expectation(scale, max(scale - resolve(most, scale, round_up=True), 0))
    if isinstance(least, str):
        return Expectation(scale, resolve(least, scale, round_up=True))
    return Expectation(present, int(least or 0))


def still_disrupted(budget: Object, pods: Sequence[Object], now: datetime) -> dict[str, str]:
    """The accepted evictions that have not come into effect, by pod."""
    present = {pod["metadata"]["name"]: pod for pod in pods}
    noted = (budget.get("status") or {}).get("disruptedPods") or {}
    return {
        name: since
        for name, since in noted.items()
        if name in present
        and not is_terminating(present[name])
        and now < (parse_time(since) or now) + EVICTION_TIMEOUT
    }


def budget_status(
    budget: Object, pods: Sequence[Object], expected: Expectation, now: datetime
) -> Object:
    """The whole status."""
    disrupted = still_disrupted(budget, pods, now)
    healthy = sum(
        is_true(pod, "Ready")
        and not is_terminating(pod)
        and not is_finished(pod)
        and pod["metadata"]["name"] not in disrupted
        for pod in pods
    )
    allowed = max(healthy - expected.healthy, 0) if expected.pods > 0 else 0
    status: Object = {
        "observedGeneration": budget["metadata"].get("generation", 1),
        "disruptionsAllowed": allowed,
        "currentHealthy": healthy,
        "desiredHealthy": expected.healthy,
        "expectedPods": expected.pods,
    }
    if disrupted:
        status["disruptedPods"] = disrupted
    return _with_allowed(budget, status, allowed_condition(status), now)


def failed_status(budget: Object, why: str, now: datetime) -> Object:
    """Nothing is allowed while nobody knows how many pods there should be."""
    status = {
        **(budget.get("status") or {}),
        "observedGeneration": budget["metadata"].get("generation", 1),
        "disruptionsAllowed": 0,
    }
    condition = {"type": ALLOWED, "status": "False", "reason": "SyncFailed", "message": why}
    return _with_allowed(budget, status, condition, now)


def _with_allowed(budget: Object, status: Object, condition: Object, now: datetime) -> Object:
    entry = {**condition, "observedGeneration": status["observedGeneration"]}
    before = (budget.get("status") or {}).get("conditions") or []
    return {**status, "conditions": with_condition(before, entry, now)}
