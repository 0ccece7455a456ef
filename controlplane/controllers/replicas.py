"""What a ReplicaSet should do next: pure decisions over it and its pods.

Source: Kubernetes pkg/controller/replicaset and controller_utils.go (ActivePodsWithRanks).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from controlplane.controllers.availability import is_available, min_ready_seconds
from controlplane.controllers.conditions import (
    condition,
    is_active,
    is_true,
    node_of,
    parse_time,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

Object = dict[str, Any]
_PHASE_RANK = {"Pending": 0, "Unknown": 1, "Running": 2}
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Replication:
    """How many pods to create, or which to delete."""

    create: int = 0
    delete: tuple[Object, ...] = ()

    @property
    def is_work(self) -> bool:
        """Whether anything is to be done."""
        return bool(self.create or self.delete)


def replicate(replica_set: Object, pods: Sequence[Object]) -> Replication:
    """What brings the active pods to the wanted number."""
    wanted = wanted_replicas(replica_set)
    active = [pod for pod in pods if is_active(pod)]
    if len(active) <= wanted:
        return Replication(create=wanted - len(active))
    doomed = deletion_order(active)[: len(active) - wanted]
    return Replication(delete=tuple(doomed))


def wanted_replicas(workload: Object) -> int:
    """`spec.replicas`, 1 when it is not set."""
    replicas = workload["spec"].get("replicas")
    return 1 if replicas is None else int(replicas)


def deletion_order(pods: Sequence[Object]) -> list[Object]:
    """The pods, those that are missed least first.

    Without a node, not running, not ready, lower deletion cost, crowded node, ready for less
    long, more restarts, younger.
    """
    crowd = Counter(node_of(pod) for pod in pods)

    def rank(pod: Object) -> tuple[Any, ...]:
        ready = condition(pod, "Ready") or {}
        is_ready = ready.get("status") == "True"
        since = parse_time(ready.get("lastTransitionTime")) or _LONG_AGO
        created = parse_time(pod["metadata"].get("creationTimestamp")) or _LONG_AGO
        return (
            bool(node_of(pod)),
            _PHASE_RANK.get((pod.get("status") or {}).get("phase", "Pending"), 0),
            is_ready,
            _deletion_cost(pod),
            -crowd[node_of(pod)],
            -since.timestamp() if is_ready else 0.0,
            -_restarts(pod),
            -created.timestamp(),
            pod["metadata"]["name"],
        )

    return sorted(pods, key=rank)


def _deletion_cost(pod: Object) -> int:
    annotations = pod["metadata"].get("annotations") or {}
    try:
        return int(annotations.get("controller.kubernetes.io/pod-deletion-cost", "0"))
    except ValueError:
        return 0


def _restarts(pod: Object) -> int:
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    return max((int(s.get("restartCount") or 0) for s in statuses), default=0)


def replica_set_status(replica_set: Object, pods: Sequence[Object], now: datetime) -> Object:
    """The status counts. Conditions of the old status are kept."""
    labels = (replica_set["spec"]["template"].get("metadata") or {}).get("labels") or {}
    min_ready_s = min_ready_seconds(replica_set)
    active = [pod for pod in pods if is_active(pod)]
    status: Object = {"replicas": len(active)}
    counts = {
        "fullyLabeledReplicas": sum(_has_labels(pod, labels) for pod in active),
        "readyReplicas": sum(is_true(pod, "Ready") for pod in active),
        "availableReplicas": sum(is_available(pod, min_ready_s, now) for pod in active),
    }
    status.update({name: count for name, count in counts.items() if count})
    status["observedGeneration"] = replica_set["metadata"].get("generation", 1)
    conditions = (replica_set.get("status") or {}).get("conditions")
    if conditions:
        status["conditions"] = conditions
    return status


def _has_labels(pod: Object, labels: Object) -> bool:
    own = pod["metadata"].get("labels") or {}
    return all(own.get(key) == value for key, value in labels.items())
