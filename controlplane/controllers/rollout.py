"""How a Deployment moves from one ReplicaSet to the next: pure arithmetic and matching.

Source: Kubernetes pkg/controller/deployment/rolling.go and util/deployment_util.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controlplane.api.objects import copy_json
from controlplane.controllers.replicas import wanted_replicas

if TYPE_CHECKING:
    from collections.abc import Sequence

Object = dict[str, Any]
HASH_LABEL = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
REVISION_HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED_REPLICAS = "deployment.kubernetes.io/desired-replicas"
MAX_REPLICAS = "deployment.kubernetes.io/max-replicas"


def same_template(one: Object, other: Object) -> bool:
    """Whether two pod templates are equal but for the hash label."""
    return _without_hash(one) == _without_hash(other)


def _without_hash(template: Object) -> Object:
    bare: Object = copy_json(template)
    metadata = bare.get("metadata") or {}
    labels = metadata.get("labels") or {}
    labels.pop(HASH_LABEL, None)
    bare["metadata"] = {key: value for key, value in metadata.items() if value}
    return bare


def by_age(replica_sets: Sequence[Object]) -> list[Object]:
    """Oldest first."""
    return sorted(
        replica_sets,
        key=lambda rs: (
            rs["metadata"].get("creationTimestamp", ""),
            revision_of(rs),
            rs["metadata"]["name"],
        ),
    )


def find_new(deployment: Object, replica_sets: Sequence[Object]) -> Object | None:
    """The ReplicaSet of the present template, the oldest if there are several."""
    template = deployment["spec"]["template"]
    for replica_set in by_age(replica_sets):
        if same_template(replica_set["spec"]["template"], template):
            return replica_set
    return None


def revision_of(obj: Object) -> int:
    """The revision annotation as a number, 0 without one."""
    text = (obj["metadata"].get("annotations") or {}).get(REVISION, "0")
    return int(text) if str(text).isdigit() else 0


def next_revision(old: Sequence[Object]) -> int:
    """One more than the highest revision of the old ReplicaSets."""
    return max((revision_of(replica_set) for replica_set in old), default=0) + 1


def resolve(amount: int | str | None, total: int, *, round_up: bool) -> int:
    """An int-or-percent of `total`."""
    if isinstance(amount, str) and amount.endswith("%"):
        product = int(amount[:-1]) * total
        return -(-product // 100) if round_up else product // 100
    return int(amount or 0)


def surge_and_unavailable(deployment: Object) -> tuple[int, int]:
    """(maxSurge, maxUnavailable) as pod counts; they are never both 0."""
    strategy = deployment["spec"].get("strategy") or {}
    if strategy.get("type") == "Recreate":
        return 0, 0
    wanted = wanted_replicas(deployment)
    rolling = strategy.get("rollingUpdate") or {}
    surge = resolve(rolling.get("maxSurge", "25%"), wanted, round_up=True)
    unavailable = resolve(rolling.get("maxUnavailable", "25%"), wanted, round_up=False)
    if surge == 0 and unavailable == 0:
        unavailable = 1
    return surge, min(unavailable, wanted) if wanted else unavailable


def _sum(replica_sets: Sequence[Object]) -> int:
    return sum(wanted_replicas(replica_set) for replica_set in replica_sets)


def available(replica_set: Object) -> int:
    """How many of its pods count as available."""
    return int((replica_set.get("status") or {}).get("availableReplicas") or 0)


def new_replicas(deployment: Object, new: Object, old: Sequence[Object]) -> int:
    """What the new ReplicaSet may grow to now."""
    wanted = wanted_replicas(deployment)
    present = wanted_replicas(new)
    if (deployment["spec"].get("strategy") or {}).get("type") == "Recreate":
        return wanted
    if present >= wanted:
        return wanted
    surge, _ = surge_and_unavailable(deployment)
    room = wanted + surge - _sum([*old, new])
    return present if room <= 0 else present + min(room, wanted - present)


def old_replicas(deployment: Object, new: Object, old: Sequence[Object]) -> dict[str, int]:
    """What the old ReplicaSets shrink to now, by name: unhealthy pods first, then the oldest."""
    sizes = {rs["metadata"]["name"]: wanted_replicas(rs) for rs in old}
    if not any(sizes.values()):
        return sizes
    wanted = wanted_replicas(deployment)
    _, unavailable = surge_and_unavailable(deployment)
    minimum = wanted - unavailable
    new_unavailable = wanted_replicas(new) - available(new)
    budget = _sum([*old, new]) - minimum - new_unavailable
    for replica_set in by_age(old):
        name = replica_set["metadata"]["name"]
        unhealthy = max(sizes[name] - available(replica_set), 0)
        cut = min(unhealthy, max(budget, 0))
        sizes[name] -= cut
        budget -= cut
    spare = sum(map(available, [*old, new])) - minimum
    for replica_set in by_age(old):
        name = replica_set["metadata"]["name"]
        cut = min(sizes[name], max(spare, 0))
        sizes[name] -= cut
        spare -= cut
    return sizes


def proportional(deployment: Object, active: Sequence[Object]) -> dict[str, int]:
    """Sizes, by name, of the ReplicaSets of a rollout that was scaled in its middle."""
    total = _sum(active)
    surge, _ = surge_and_unavailable(deployment)
    wanted = wanted_replicas(deployment)
    allowed = wanted + surge if wanted else 0
    missing = allowed - total
    largest_first = sorted(active, key=lambda rs: (-wanted_replicas(rs), rs["metadata"]["name"]))
    sizes = {}
    left = missing
    for replica_set in largest_first:
        size = wanted_replicas(replica_set)
        before = _annotated_max(replica_set) or total or 1
        share = round(size * allowed / before) - size if total else 0
        share = max(min(share, left), 0) if missing > 0 else min(max(share, left), 0)
        sizes[replica_set["metadata"]["name"]] = size + share
        left -= share
    if largest_first and left:
        name = largest_first[0]["metadata"]["name"]
        sizes[name] = max(sizes[name] + left, 0)
    return sizes


def _annotated_max(replica_set: Object) -> int:
    text = (replica_set["metadata"].get("annotations") or {}).get(MAX_REPLICAS, "0")
    return int(text) if str(text).isdigit() else 0


def is_scaling(deployment: Object, replica_sets: Sequence[Object]) -> bool:
    """Whether the wanted number changed since the ReplicaSets were sized."""
    wanted = wanted_replicas(deployment)
    for replica_set in replica_sets:
        if not wanted_replicas(replica_set):
            continue
        noted = (replica_set["metadata"].get("annotations") or {}).get(DESIRED_REPLICAS)
        if noted is not None and noted != str(wanted):
            return True
    return False


def surplus(deployment: Object, old: Sequence[Object]) -> list[Object]:
    """The old ReplicaSets beyond revisionHistoryLimit that hold nothing any more."""
    limit = int(deployment["spec"].get("revisionHistoryLimit", 10))
    done = [rs for rs in sorted(old, key=revision_of) if _is_idle(rs)]
    return done[: max(len(old) - limit, 0)]


def _is_idle(replica_set: Object) -> bool:
    status = replica_set.get("status") or {}
    observed = status.get("observedGeneration", 0) >= replica_set["metadata"].get("generation", 0)
    idle = not status.get("replicas") and not wanted_replicas(replica_set) and observed
    return idle and not replica_set["metadata"].get("deletionTimestamp")
