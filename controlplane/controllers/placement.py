"""Where a pod may run and where it should: the scheduler's decisions, pure.

Wording as in Kubernetes pkg/scheduler/framework/plugins.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from controlplane.api.strategies.selectors import matches_all, matches_expression
from controlplane.controllers.conditions import (
    controller_of,
    is_active,
    is_finished,
    is_true,
    node_of,
)
from netcore.model.host_port import clash, host_ports

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Object = dict[str, Any]
_BLOCKING_EFFECTS = ("NoSchedule", "NoExecute")
UNSCHEDULABLE_TAINT = "node.kubernetes.io/unschedulable"


@dataclass(frozen=True, slots=True)
class Placement:
    """The chosen node, or none and the reason in the words of kube-scheduler."""

    node: str = ""
    message: str = ""


def tolerates(tolerations: Iterable[Object], taint: Object) -> bool:
    """Whether one of the tolerations covers the taint."""
    return any(_tolerates_one(toleration, taint) for toleration in tolerations)


def _tolerates_one(toleration: Object, taint: Object) -> bool:
    if toleration.get("effect") and toleration["effect"] != taint.get("effect"):
        return False
    if toleration.get("key") and toleration["key"] != taint.get("key"):
        return False
    if toleration.get("operator") == "Exists":
        return True
    return (toleration.get("value") or "") == (taint.get("value") or "")


def matches_node_affinity(pod: Object, node: Object) -> bool:
    """Whether nodeSelector and the required node affinity select the node."""
    spec = pod["spec"]
    labels = node["metadata"].get("labels") or {}
    if not matches_all(spec.get("nodeSelector") or {}, labels):
        return False
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if required is None:
        return True
    terms = required.get("nodeSelectorTerms") or ()
    return any(_matches_term(term, labels, node["metadata"]["name"]) for term in terms)


def _matches_term(term: Object, labels: Object, name: str) -> bool:
    expressions = term.get("matchExpressions") or ()
    fields = term.get("matchFields") or ()
    if not expressions and not fields:
        return False
    return all(matches_expression(entry, labels) for entry in expressions) and all(
        matches_expression(entry, {"metadata.name": name}) for entry in fields
    )


def why_not(pod: Object, node: Object, on_node: Sequence[Object]) -> str:
    """Why the node cannot take the pod, empty when it can. `on_node`: pods that run there."""
    tolerations = pod["spec"].get("tolerations") or ()
    unschedulable = {"key": UNSCHEDULABLE_TAINT, "effect": "NoSchedule"}
    if node.get("spec", {}).get("unschedulable") and not tolerates(tolerations, unschedulable):
        return "node(s) were unschedulable"
    for taint in node.get("spec", {}).get("taints") or ():
        if taint.get("effect") in _BLOCKING_EFFECTS and not tolerates(tolerations, taint):
            shown = f"{taint.get('key')}: {taint.get('value') or ''}"
            return f"node(s) had untolerated taint {{{shown}}}"
    if not matches_node_affinity(pod, node):
        return "node(s) didn't match Pod's node affinity/selector"
    if not is_true(node, "Ready"):
        return "node(s) were not ready"
    capacity = ((node.get("status") or {}).get("allocatable") or {}).get("pods")
    if capacity is not None and len(on_node) >= int(capacity):
        return "Too many pods"
    wanted = host_ports(pod)
    if wanted and clash(wanted, (port for other in on_node for port in host_ports(other))):
        return "node(s) didn't have free ports for the requested pod ports"
    return ""


def place(pod: Object, nodes: Sequence[Object], pods: Iterable[Object]) -> Placement:
    """The node for a pod: among those that can take it, the one with the fewest replicas of
    the same owner, then the fewest pods, then the first by name.
    """
    if not nodes:
        return Placement(message="no nodes available to schedule pods")
    running: dict[str, list[Object]] = {node["metadata"]["name"]: [] for node in nodes}
    for other in pods:
        if node_of(other) in running and not is_finished(other):
            running[node_of(other)].append(other)
    reasons: Counter[str] = Counter()
    fit = []
    for node in nodes:
        name = node["metadata"]["name"]
        reason = why_not(pod, node, running[name])
        if reason:
            reasons[reason] += 1
        else:
            fit.append(name)
    if not fit:
        return Placement(message=_refusal(reasons, len(nodes)))
    owner = _owner_uid(pod)
    return Placement(
        min(fit, key=lambda name: (_siblings(running[name], owner), len(running[name]), name))
    )


def _siblings(pods: Sequence[Object], owner: str) -> int:
    return sum(1 for pod in pods if owner and _owner_uid(pod) == owner and is_active(pod))


def _owner_uid(pod: Object) -> str:
    owner = controller_of(pod)
    return str(owner["uid"]) if owner else ""


def _refusal(reasons: Counter[str], total: int) -> str:
    counted = ", ".join(sorted(f"{count} {reason}" for reason, count in reasons.items()))
    return (
        f"0/{total} nodes are available: {counted}. preemption: 0/{total} nodes are available: "
        f"{total} Preemption is not helpful for scheduling."
    )
