"""What silence of a node means: its Ready condition, its taints, its pods. Pure.

Source: Kubernetes pkg/controller/nodelifecycle and pkg/controller/tainteviction.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from controlplane.api.metadata import timestamp
from controlplane.controllers.conditions import condition, parse_time
from controlplane.controllers.placement import UNSCHEDULABLE_TAINT, tolerates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controlplane.controllers.heartbeats import Sign

Object = dict[str, Any]
NOT_READY_TAINT = "node.kubernetes.io/not-ready"
UNREACHABLE_TAINT = "node.kubernetes.io/unreachable"
POD_LOST = "NodeNotReady"
"""The reason on a pod's Ready condition that this control plane, not the node, made False."""
_MANAGED_TAINTS = (NOT_READY_TAINT, UNREACHABLE_TAINT, UNSCHEDULABLE_TAINT)
_OTHER_CONDITIONS = (
    ("MemoryPressure", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
)


def node_conditions(sign: Sign | None, *, alive: bool, known: bool) -> list[Object]:
    """The node's conditions, Ready last. `known`: an agent has been heard of at some time."""
    if alive and sign is not None:
        ready = {
            "type": "Ready",
            "status": "True" if sign.ready else "False",
            "reason": "KubeletReady" if sign.ready else "KubeletNotReady",
            "message": sign.message or "kubelet is posting ready status",
        }
        others = [
            {"type": kind, "status": "False", "reason": reason, "message": message}
            for kind, reason, message in _OTHER_CONDITIONS
        ]
        return [*others, ready]
    reason = "NodeStatusUnknown" if known else "NodeStatusNeverUpdated"
    message = (
        "Kubelet stopped posting node status." if known else "Kubelet never posted node status."
    )
    kinds = [kind for kind, _, _ in _OTHER_CONDITIONS] + ["Ready"]
    return [
        {"type": kind, "status": "Unknown", "reason": reason, "message": message} for kind in kinds
    ]


def desired_taints(node: Object, now: datetime) -> list[Object]:
    """The node's taints with those that follow from its state; others are left alone."""
    present = (node.get("spec") or {}).get("taints") or []
    wanted: list[tuple[str, str]] = []
    if (node.get("spec") or {}).get("unschedulable"):
        wanted.append((UNSCHEDULABLE_TAINT, "NoSchedule"))
    ready = (condition(node, "Ready") or {}).get("status", "Unknown")
    if ready != "True":
        key = NOT_READY_TAINT if ready == "False" else UNREACHABLE_TAINT
        wanted += [(key, "NoSchedule"), (key, "NoExecute")]
    taints = [
        taint
        for taint in present
        if taint.get("key") not in _MANAGED_TAINTS or (taint["key"], taint.get("effect")) in wanted
    ]
    held = {(taint.get("key"), taint.get("effect")) for taint in taints}
    for key, effect in wanted:
        if (key, effect) not in held:
            taints.append({"key": key, "effect": effect, "timeAdded": timestamp(now)})
    return taints


def eviction_time(pod: Object, node: Object, now: datetime) -> datetime | None:
    """When the node's NoExecute taints drive the pod away, None for never."""
    tolerations = pod["spec"].get("tolerations") or []
    times = []
    for taint in (node.get("spec") or {}).get("taints") or ():
        if taint.get("effect") != "NoExecute":
            continue
        covering = [t for t in tolerations if tolerates([t], taint)]
        if not covering:
            return now
        limits = [
            t["tolerationSeconds"] for t in covering if t.get("tolerationSeconds") is not None
        ]
        if limits:
            since = parse_time(taint.get("timeAdded")) or now
            times.append(since + timedelta(seconds=max(min(limits), 0)))
    return min(times, default=None)


def pod_conditions(pod: Object, *, node_ready: bool) -> list[Object] | None:
    """The pod's conditions as the node's state makes them, None when nothing changes.

    A lost node's pods are not ready. When the node is back, exactly those conditions that were
    changed here follow again what the agent last said of the containers.
    """
    ready = condition(pod, "Ready")
    if ready is None:
        return None
    if not node_ready and ready.get("status") == "True":
        change = {
            "status": "False",
            "reason": POD_LOST,
            "message": "the pod's node does not answer",
        }
    elif node_ready and ready.get("reason") == POD_LOST:
        containers = (condition(pod, "ContainersReady") or {}).get("status", "False")
        change = {"status": containers}
    else:
        return None
    kept = {k: v for k, v in ready.items() if k not in ("reason", "message", "lastTransitionTime")}
    fresh = {**kept, **change}
    conditions: Sequence[Object] = pod["status"]["conditions"]
    return [fresh if entry.get("type") == "Ready" else entry for entry in conditions]
