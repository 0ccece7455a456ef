"""Evictions: a DELETE of a pod that asks its PodDisruptionBudget first.

Source: Kubernetes pkg/registry/core/pod/storage/eviction.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controlplane.api import deletion, errors
from controlplane.api.metadata import timestamp
from controlplane.api.registry import WriteOptions
from controlplane.api.strategies.selectors import selector_matches

if TYPE_CHECKING:
    from datetime import datetime

    from controlplane.api.registry import Registry
    from controlplane.api.resources import Resource
    from controlplane.api.strategy import DeleteOptions

Object = dict[str, Any]
ALLOWED = "DisruptionAllowed"
_BUDGETS = "poddisruptionbudgets.policy"
_REFUSED = "Cannot evict pod as it would violate the pod's disruption budget."
_MAX_DISRUPTED = 2000


def allowed_condition(status: Object) -> Object:
    """The condition that goes with a budget's counts."""
    enough = status["disruptionsAllowed"] > 0
    return {
        "type": ALLOWED,
        "status": "True" if enough else "False",
        "reason": "SufficientPods" if enough else "InsufficientPods",
        "message": "",
    }


async def evict(
    registry: Registry, pods: Resource, namespace: str, name: str, options: DeleteOptions
) -> None:
    """Deletes the pod if its budget allows. Raises StatusError 404, 409, 429, 500."""
    stored = await registry.get(pods, namespace, name)
    pod = stored.value
    if not _needs_no_budget(pod):
        budget = await _budget_of(registry, namespace, pod)
        if budget is not None and not _may_go_unhealthy(budget, pod):
            await _take(registry, namespace, budget["metadata"]["name"], name, options)
        if not options.dry_run:
            await _mark(registry, pods, namespace, name)
    await deletion.delete(registry, pods, namespace, name, options)


def _needs_no_budget(pod: Object) -> bool:
    """Pods that serve nobody."""
    phase = (pod.get("status") or {}).get("phase")
    deleted = pod["metadata"].get("deletionTimestamp")
    return bool(deleted) or phase in ("Succeeded", "Failed", "Pending", None)


async def _budget_of(registry: Registry, namespace: str, pod: Object) -> Object | None:
    resource = registry.resources.by_name(_BUDGETS)
    labels = pod["metadata"].get("labels") or {}
    page = await registry.list(resource, namespace)
    found = [
        stored.value
        for stored in page.items
        if selector_matches(stored.value["spec"].get("selector"), labels)
    ]
    if len(found) > 1:
        raise errors.internal(
            "This pod has more than one PodDisruptionBudget, which the eviction subresource does "
            "not support."
        )
    return found[0] if found else None


def _may_go_unhealthy(budget: Object, pod: Object) -> bool:
    """Pods that are not ready anyway, as `unhealthyPodEvictionPolicy` says."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    if any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions):
        return False
    if budget["spec"].get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    status = budget.get("status") or {}
    desired = status.get("desiredHealthy") or 0
    return desired > 0 and (status.get("currentHealthy") or 0) >= desired


async def _take(
    registry: Registry, namespace: str, budget_name: str, pod_name: str, options: DeleteOptions
) -> None:
    """Takes one disruption out of the budget; of two at once, one is the later."""

    def take(budget: Object) -> Object:
        _check(budget)
        status = budget["status"]
        status["disruptionsAllowed"] -= 1
        if status["disruptionsAllowed"] == 0:
            _update_condition(status)
        now = timestamp(registry.now())
        status.setdefault("disruptedPods", {})[pod_name] = now
        return budget

    resource = registry.resources.by_name(_BUDGETS)
    write = WriteOptions(dry_run=options.dry_run, subresource="status")
    await registry.update(resource, namespace, budget_name, take, write)


def _update_condition(status: Object) -> None:
    for condition in status.get("conditions") or ():
        if condition.get("type") == ALLOWED:
            condition.update(allowed_condition(status))


def _check(budget: Object) -> None:
    """Raises StatusError 403 or 429 when the budget does not allow a disruption."""
    name, status = budget["metadata"]["name"], budget.get("status") or {}
    if (status.get("observedGeneration") or 0) < budget["metadata"].get("generation", 1):
        text = f"The disruption budget {name} is still being processed by the server."
        raise _too_many(text, retry_after_s=10)
    if len(status.get("disruptedPods") or {}) > _MAX_DISRUPTED:
        why = "DisruptedPods map too big - too many evictions not confirmed by PDB controller"
        raise errors.forbidden(_BUDGETS, name, why)
    if (status.get("disruptionsAllowed") or 0) > 0:
        return
    healthy, desired = status.get("currentHealthy", 0), status.get("desiredHealthy", 0)
    if healthy <= desired:
        text = (
            f"The disruption budget {name} needs {desired} healthy pods and has {healthy} currently"
        )
        raise _too_many(text)
    failed = [c for c in status.get("conditions") or () if c.get("reason") == "SyncFailed"]
    if failed:
        text = (
            f"The disruption budget {name} does not allow evicting pods currently because it "
            f"failed sync: {failed[0].get('message', '')}"
        )
        raise _too_many(text)
    raise _too_many()


def _too_many(cause: str = "", retry_after_s: int = 0) -> errors.StatusError:
    causes = ({"reason": "DisruptionBudget", "message": cause},) if cause else ()
    details = errors.Details(causes=causes, retry_after_s=retry_after_s)
    return errors.StatusError(429, "TooManyRequests", _REFUSED, details)


def disruption_target(pod: Object, reason: str, message: str, now: datetime) -> None:
    """Notes in the pod's status why it is about to be deleted."""
    condition = {
        "type": "DisruptionTarget",
        "status": "True",
        "reason": reason,
        "message": message,
        "lastProbeTime": None,
        "lastTransitionTime": timestamp(now),
    }
    status = pod.setdefault("status", {})
    others = [c for c in status.get("conditions") or () if c["type"] != condition["type"]]
    status["conditions"] = [*others, condition]


async def _mark(registry: Registry, pods: Resource, namespace: str, name: str) -> None:
    def mark(pod: Object) -> Object:
        reason, message = "EvictionByEvictionAPI", "Eviction API: evicting"
        disruption_target(pod, reason, message, registry.now())
        return pod

    await registry.update(pods, namespace, name, mark, WriteOptions(subresource="status"))
