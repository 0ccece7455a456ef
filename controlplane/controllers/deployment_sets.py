"""The ReplicaSets that a Deployment makes: names, labels, annotations, first sizes. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controlplane.api.objects import copy_json
from controlplane.controllers import rollout
from controlplane.controllers.conditions import owner_reference
from controlplane.controllers.replicas import wanted_replicas
from controlplane.controllers.template_hash import template_hash

if TYPE_CHECKING:
    from collections.abc import Sequence

Object = dict[str, Any]
_NOT_INHERITED = (
    "kubectl.kubernetes.io/last-applied-configuration",
    rollout.REVISION,
    rollout.REVISION_HISTORY,
    rollout.DESIRED_REPLICAS,
    rollout.MAX_REPLICAS,
    "deprecated.deployment.rollback.to",
)


def new_replica_set(deployment: Object, old: Sequence[Object]) -> Object:
    """The ReplicaSet of the present template, as large as the rollout allows at first."""
    collisions = int((deployment.get("status") or {}).get("collisionCount") or 0)
    template = copy_json(deployment["spec"]["template"])
    digest = template_hash(template, collisions)
    template.setdefault("metadata", {}).setdefault("labels", {})[rollout.HASH_LABEL] = digest
    selector = copy_json(deployment["spec"]["selector"])
    selector.setdefault("matchLabels", {})[rollout.HASH_LABEL] = digest
    spec: Object = {
        "replicas": _first_size(deployment, old),
        "selector": selector,
        "template": template,
    }
    if deployment["spec"].get("minReadySeconds"):
        spec["minReadySeconds"] = deployment["spec"]["minReadySeconds"]
    metadata = {
        "name": f"{deployment['metadata']['name']}-{digest}",
        "namespace": deployment["metadata"]["namespace"],
        "labels": template["metadata"]["labels"],
        "annotations": annotations_of(deployment, rollout.next_revision(old)),
        "ownerReferences": [owner_reference(deployment, "apps/v1", "Deployment")],
    }
    return {"metadata": metadata, "spec": spec}


def _first_size(deployment: Object, old: Sequence[Object]) -> int:
    surge, _ = rollout.surge_and_unavailable(deployment)
    wanted = wanted_replicas(deployment)
    room = wanted + surge - sum(map(wanted_replicas, old))
    return max(min(wanted, room), 0)


def annotations_of(deployment: Object, revision: int) -> dict[str, str]:
    """What a ReplicaSet takes over from its Deployment, with its revision."""
    own = deployment["metadata"].get("annotations") or {}
    kept = {key: value for key, value in own.items() if key not in _NOT_INHERITED}
    return {**kept, rollout.REVISION: str(revision), **size_annotations(deployment)}


def size_annotations(deployment: Object) -> dict[str, str]:
    """For which wanted number the ReplicaSets were sized: how a scaling is recognised."""
    surge, _ = rollout.surge_and_unavailable(deployment)
    wanted = wanted_replicas(deployment)
    return {
        rollout.DESIRED_REPLICAS: str(wanted),
        rollout.MAX_REPLICAS: str(wanted + surge),
    }
