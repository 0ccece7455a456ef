"""Which nodes a DaemonSet's pods belong on, and how such a pod looks. Pure.

Sources: Kubernetes pkg/controller/daemon/daemon_controller.go (NodeShouldRunDaemonPod) and
pkg/controller/daemon/util/daemonset_util.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controlplane.api.objects import copy_json
from controlplane.api.strategies.daemon_set import GENERATION_ANNOTATION
from controlplane.controllers.conditions import node_of
from controlplane.controllers.placement import matches_node_affinity, tolerates
from controlplane.controllers.pod_templates import pod_from_template

if TYPE_CHECKING:
    from collections.abc import Iterable

Object = dict[str, Any]
HASH_LABEL = "controller-revision-hash"
GENERATION_LABEL = "pod-template-generation"
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_TOLERATED = (
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
)
_TOLERATED_BY_HOST_NETWORK = ("node.kubernetes.io/network-unavailable", "NoSchedule")


def tolerations(spec: Object) -> list[Object]:
    """Those of the template and those that every pod of a DaemonSet has."""
    present = list(spec.get("tolerations") or ())
    wanted = [*_TOLERATED, *([_TOLERATED_BY_HOST_NETWORK] if spec.get("hostNetwork") else [])]
    added = [{"key": key, "operator": "Exists", "effect": effect} for key, effect in wanted]
    return present + [toleration for toleration in added if toleration not in present]


def should_run(daemon_set: Object, node: Object) -> tuple[bool, bool]:
    """Whether a pod shall come to the node, and whether one that is there may stay."""
    spec = daemon_set["spec"]["template"]["spec"]
    name = node["metadata"]["name"]
    elsewhere = spec.get("nodeName") and spec["nodeName"] != name
    if elsewhere or not matches_node_affinity({"spec": spec}, node):
        return False, False
    tolerated = tolerations(spec)
    untolerated = [
        taint.get("effect")
        for taint in node["spec"].get("taints") or ()
        if taint.get("effect") in ("NoSchedule", "NoExecute") and not tolerates(tolerated, taint)
    ]
    return not untolerated, "NoExecute" not in untolerated


def new_pod(daemon_set: Object, node_name: str, revision_hash: str) -> Object:
    """The pod for a node. The scheduler binds it: by its affinity it fits nowhere else."""
    pod = pod_from_template(daemon_set)
    labels = pod["metadata"].setdefault("labels", {})
    labels[HASH_LABEL] = revision_hash
    annotations = daemon_set["metadata"].get("annotations") or {}
    labels[GENERATION_LABEL] = str(annotations.get(GENERATION_ANNOTATION, "1"))
    spec = pod["spec"]
    spec["tolerations"] = tolerations(spec)
    affinity = copy_json(spec.get("affinity") or {})
    field = {"key": "metadata.name", "operator": "In", "values": [node_name]}
    affinity.setdefault("nodeAffinity", {})[_REQUIRED] = {
        "nodeSelectorTerms": [{"matchFields": [field]}]
    }
    spec["affinity"] = affinity
    return pod


def target_node(pod: Object) -> str:
    """The node that the pod is on, or is made for; empty for a stranger without one."""
    if node_of(pod):
        return node_of(pod)
    affinity = (pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}
    for term in (affinity.get(_REQUIRED) or {}).get("nodeSelectorTerms") or ():
        for field in term.get("matchFields") or ():
            values: list[str] = field.get("values") or []
            if field.get("key") == "metadata.name" and len(values) == 1:
                return str(values[0])
    return ""


def by_node(pods: Iterable[Object]) -> dict[str, list[Object]]:
    """The pods of each node, oldest first."""
    found: dict[str, list[Object]] = {}
    for pod in sorted(pods, key=_age):
        found.setdefault(target_node(pod), []).append(pod)
    return found


def _age(pod: Object) -> tuple[str, str]:
    return pod["metadata"].get("creationTimestamp", ""), pod["metadata"]["name"]


def is_updated(pod: Object, revision_hash: str) -> bool:
    """Whether the pod is of the present template."""
    return bool((pod["metadata"].get("labels") or {}).get(HASH_LABEL) == revision_hash)
