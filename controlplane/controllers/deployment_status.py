"""What a Deployment says of itself: counts and conditions, pure.

Source: Kubernetes pkg/controller/deployment/progress.go and sync.go.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from controlplane.api.metadata import timestamp
from controlplane.controllers.conditions import condition, parse_time, with_condition
from controlplane.controllers.replicas import wanted_replicas
from controlplane.controllers.rollout import available, surge_and_unavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

Object = dict[str, Any]


def _total(replica_sets: Sequence[Object], field: str) -> int:
    return sum(int((rs.get("status") or {}).get(field) or 0) for rs in replica_sets)


def counts(deployment: Object, new: Object | None, replica_sets: Sequence[Object]) -> Object:
    """The numbers of a DeploymentStatus; zeros are left out, as Go does."""
    total = _total(replica_sets, "replicas")
    present = sum(map(available, replica_sets))
    wanted = max(wanted_replicas(deployment), total)
    fields = {
        "observedGeneration": deployment["metadata"].get("generation", 1),
        "replicas": total,
        "updatedReplicas": _total([new], "replicas") if new else 0,
        "readyReplicas": _total(replica_sets, "readyReplicas"),
        "availableReplicas": present,
        "unavailableReplicas": max(wanted - present, 0),
    }
    return {name: value for name, value in fields.items() if value}


def is_complete(deployment: Object, status: Object) -> bool:
    """Whether every wanted replica is of the new template and available, and no other is left."""
    wanted = wanted_replicas(deployment)
    return all(
        int(status.get(field) or 0) == wanted
        for field in ("updatedReplicas", "replicas", "availableReplicas")
    )


def deployment_status(
    deployment: Object, new: Object | None, replica_sets: Sequence[Object], now: datetime
) -> Object:
    """The whole status after a look at the ReplicaSets."""
    old = deployment.get("status") or {}
    status = counts(deployment, new, replica_sets)
    if old.get("collisionCount"):
        status["collisionCount"] = old["collisionCount"]
    conditions = list(old.get("conditions") or [])
    conditions = _set(conditions, _available(deployment, status), now)
    progressing = _progressing(deployment, new, status, now)
    if progressing is not None:
        conditions = _set(conditions, progressing, now)
    failure = _replica_failure(replica_sets)
    conditions = [c for c in conditions if c.get("type") != "ReplicaFailure" or failure]
    if failure:
        conditions = _set(conditions, failure, now)
    return {**status, "conditions": conditions}


def _set(conditions: list[Object], new: Object, now: datetime) -> list[Object]:
    for entry in conditions:
        same = ("type", "status", "reason", "message")
        if entry["type"] == new["type"] and all(entry.get(f) == new.get(f) for f in same):
            moved = new.pop("progressed", False)
            return conditions if not moved else _touch(conditions, new, now)
    new.pop("progressed", None)
    return with_condition(conditions, {**new, "lastUpdateTime": timestamp(now)}, now)


def _touch(conditions: list[Object], new: Object, now: datetime) -> list[Object]:
    return with_condition(conditions, {**new, "lastUpdateTime": timestamp(now)}, now)


def _available(deployment: Object, status: Object) -> Object:
    _, unavailable = surge_and_unavailable(deployment)
    enough = int(status.get("availableReplicas") or 0) >= wanted_replicas(deployment) - unavailable
    if enough:
        return {
            "type": "Available",
            "status": "True",
            "reason": "MinimumReplicasAvailable",
            "message": "Deployment has minimum availability.",
        }
    return {
        "type": "Available",
        "status": "False",
        "reason": "MinimumReplicasUnavailable",
        "message": "Deployment does not have minimum availability.",
    }


def _progressing(
    deployment: Object, new: Object | None, status: Object, now: datetime
) -> Object | None:
    name = deployment["metadata"]["name"]
    shown = f'ReplicaSet "{new["metadata"]["name"]}"' if new else f'Deployment "{name}"'
    known = condition(deployment, "Progressing")
    if deployment["spec"].get("paused"):
        paused = {"type": "Progressing", "status": "Unknown", "reason": "DeploymentPaused"}
        return {**paused, "message": "Deployment is paused"}
    if known is not None and known.get("reason") == "DeploymentPaused":
        resumed = {"type": "Progressing", "status": "Unknown", "reason": "DeploymentResumed"}
        return {**resumed, "message": "Deployment is resumed"}
    if is_complete(deployment, status):
        message = f"{shown} has successfully progressed."
        done = {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}
        return {**done, "message": message}
    if known is None or _has_progressed(deployment.get("status") or {}, status):
        message = f"{shown} is progressing."
        moving = {"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated"}
        return {**moving, "message": message, "progressed": True}
    if known.get("reason") != "NewReplicaSetAvailable" and _timed_out(deployment, known, now):
        message = f"{shown} has timed out progressing."
        late = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
        return {**late, "message": message}
    return None


def _has_progressed(old: Object, new: Object) -> bool:
    def number(status: Object, field: str) -> int:
        return int(status.get(field) or 0)

    def old_pods(status: Object) -> int:
        return number(status, "replicas") - number(status, "updatedReplicas")

    return (
        number(new, "updatedReplicas") > number(old, "updatedReplicas")
        or old_pods(new) < old_pods(old)
        or number(new, "readyReplicas") > number(old, "readyReplicas")
        or number(new, "availableReplicas") > number(old, "availableReplicas")
    )


def _timed_out(deployment: Object, progressing: Object, now: datetime) -> bool:
    since = parse_time(progressing.get("lastUpdateTime"))
    limit = deployment["spec"].get("progressDeadlineSeconds")
    return since is not None and limit is not None and now >= since + timedelta(seconds=limit)


def seconds_to_deadline(deployment: Object, now: datetime) -> float | None:
    """When to look again whether the rollout is late, None when it cannot become late."""
    known = condition(deployment, "Progressing")
    if known is None or known.get("reason") in ("NewReplicaSetAvailable", "DeploymentPaused"):
        return None
    since = parse_time(known.get("lastUpdateTime"))
    limit = deployment["spec"].get("progressDeadlineSeconds")
    if since is None or limit is None or known.get("status") == "False":
        return None
    return max((since + timedelta(seconds=limit) - now).total_seconds(), 0.0) + 1.0


def _replica_failure(replica_sets: Sequence[Object]) -> Object | None:
    for replica_set in replica_sets:
        failure = condition(replica_set, "ReplicaFailure")
        if failure is not None and failure.get("status") == "True":
            return {key: failure[key] for key in ("type", "status", "reason", "message")}
    return None
