"""The core/v1 PodStatus out of what is known of the containers (pkg/kubelet/kubelet_pods.go)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from nodeagent.pods.interfaces import Manifest, NodeFacts

FINISHED_PHASES = ("Succeeded", "Failed")


class ContainerRole(Enum):
    INIT = "init"
    SIDECAR = "sidecar"
    APP = "app"


@dataclass
class ContainerRecord:
    """What is known of one container of a pod. The states are ContainerState JSON."""

    name: str
    image: str
    role: ContainerRole
    state: dict[str, Any] = field(
        default_factory=lambda: {"waiting": {"reason": "ContainerCreating"}}
    )
    last_state: dict[str, Any] = field(default_factory=dict)
    restart_count: int = 0
    container_id: str = ""
    image_id: str = ""
    started: bool = False
    ready: bool = False

    @property
    def running(self) -> bool:
        return "running" in self.state

    @property
    def exit_code(self) -> int | None:
        """Of the last end, also while it waits for its restart."""
        for state in (self.state, self.last_state):
            if "terminated" in state:
                return int(state["terminated"]["exitCode"])
        return None

    @property
    def finished(self) -> bool:
        return "terminated" in self.state

    @property
    def has_completed(self) -> bool:
        """What makes an init container ready."""
        return self.finished and self.exit_code == 0

    def to_status(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "state": self.state,
            "lastState": self.last_state,
            "ready": self.has_completed if self.role is ContainerRole.INIT else self.ready,
            "restartCount": self.restart_count,
            "image": self.image,
            "imageID": self.image_id,
            "containerID": self.container_id,
            "started": self.started,
        }


@dataclass(frozen=True)
class SandboxFacts:
    """What a status says of the pod as a whole."""

    ready: bool
    start_time: str
    pod_ips: Sequence[str] = ()


def pod_phase(records: Iterable[ContainerRecord], restart_policy: str) -> str:
    """Pending, Running, Succeeded or Failed, as kubelet's getPhase.

    Succeeded and Failed are final, hence not said before the last sidecar has ended.
    """
    known = tuple(records)
    phase = _phase_of_containers(known, restart_policy)
    is_final = phase in FINISHED_PHASES
    return "Running" if is_final and any(record.running for record in known) else phase


def _phase_of_containers(records: Iterable[ContainerRecord], restart_policy: str) -> str:
    apps: list[ContainerRecord] = []
    first: list[ContainerRecord] = []
    for record in records:
        (apps if record.role is ContainerRole.APP else first).append(record)
    for record in first:
        if record.role is ContainerRole.INIT and record.exit_code != 0:
            failed = record.finished and restart_policy == "Never"
            return "Failed" if failed else "Pending"
        if record.role is ContainerRole.SIDECAR and not record.started and not record.finished:
            never_started = record.exit_code is None
            if never_started:
                return "Pending"
    if any(not record.running and record.exit_code is None for record in apps):
        return "Pending"
    if any(record.running for record in apps) or restart_policy == "Always":
        return "Running"
    if all(record.exit_code == 0 for record in apps):
        return "Succeeded"
    return "Failed" if restart_policy == "Never" else "Running"


def last_phase(records: Iterable[ContainerRecord]) -> str:
    """The phase of a pod that was deleted, once all of its containers have ended.

    Kubelet says it before the object goes: who counts pods by their ends reads it there.
    """
    apps = [record for record in records if record.role is ContainerRole.APP]
    return "Succeeded" if all(record.exit_code == 0 for record in apps) else "Failed"


def pod_status(
    pod: Manifest,
    records: Sequence[ContainerRecord],
    sandbox: SandboxFacts,
    node: NodeFacts,
    now: str,
) -> dict[str, Any]:
    """A whole status. Transition times of conditions that did not change are taken from `pod`."""
    phase = pod_phase(records, pod["spec"].get("restartPolicy") or "Always")
    status: dict[str, Any] = {
        "phase": phase,
        "conditions": _conditions(pod, records, sandbox, phase, now),
        "hostIP": next(iter(node.host_ips), ""),
        "hostIPs": [{"ip": address} for address in node.host_ips],
        "startTime": sandbox.start_time,
        "containerStatuses": _statuses(records, ContainerRole.APP),
    }
    if sandbox.pod_ips:
        status["podIP"] = sandbox.pod_ips[0]
        status["podIPs"] = [{"ip": address} for address in sandbox.pod_ips]
    init = _statuses(records, ContainerRole.INIT, ContainerRole.SIDECAR)
    if init:
        status["initContainerStatuses"] = init
    present = pod.get("status") or {}
    for kept in ("qosClass", "nominatedNodeName"):
        if kept in present:
            status[kept] = present[kept]
    return status


def _statuses(records: Iterable[ContainerRecord], *roles: ContainerRole) -> list[dict[str, Any]]:
    return [record.to_status() for record in records if record.role in roles]


def _conditions(
    pod: Manifest,
    records: Sequence[ContainerRecord],
    sandbox: SandboxFacts,
    phase: str,
    now: str,
) -> list[dict[str, Any]]:
    present = {
        condition["type"]: condition
        for condition in (pod.get("status") or {}).get("conditions") or ()
    }
    containers_ready = _containers_ready(records, phase)
    wanted = [
        _condition("PodReadyToStartContainers", sandbox.ready),
        _initialized(records, phase),
        _ready(pod, containers_ready, present),
        containers_ready,
        present.pop("PodScheduled", _condition("PodScheduled", True)),
    ]
    for condition in wanted:
        old = present.pop(condition["type"], None)
        same = old is not None and old["status"] == condition["status"]
        changed = condition.get("lastTransitionTime") or now
        condition.setdefault("lastProbeTime", None)
        condition["lastTransitionTime"] = (
            (old or {}).get("lastTransitionTime", changed) if same else changed
        )
    return wanted + list(present.values())


def _condition(kind: str, holds: bool, reason: str = "", message: str = "") -> dict[str, Any]:
    condition = {"type": kind, "status": "True" if holds else "False"}
    if reason:
        condition["reason"] = reason
    if message:
        condition["message"] = message
    return condition


def _initialized(records: Sequence[ContainerRecord], phase: str) -> dict[str, Any]:
    if phase == "Succeeded":
        return _condition("Initialized", True, "PodCompleted")
    incomplete = [
        record.name
        for record in records
        if (record.role is ContainerRole.INIT and record.exit_code != 0)
        or (record.role is ContainerRole.SIDECAR and not record.started and not record.finished)
    ]
    if not incomplete:
        return _condition("Initialized", True)
    message = f"containers with incomplete status: [{' '.join(incomplete)}]"
    return _condition("Initialized", False, "ContainersNotInitialized", message)


def _containers_ready(records: Sequence[ContainerRecord], phase: str) -> dict[str, Any]:
    if phase == "Succeeded":
        return _condition("ContainersReady", False, "PodCompleted")
    if phase == "Failed":
        return _condition("ContainersReady", False, "PodFailed")
    unready = [
        record.name
        for record in records
        if record.role is not ContainerRole.INIT and not record.ready
    ]
    if not unready:
        return _condition("ContainersReady", True)
    message = f"containers with unready status: [{' '.join(unready)}]"
    return _condition("ContainersReady", False, "ContainersNotReady", message)


def _ready(
    pod: Manifest, containers_ready: Mapping[str, Any], present: Mapping[str, Any]
) -> dict[str, Any]:
    if containers_ready["status"] != "True":
        return {**containers_ready, "type": "Ready"}
    missing = [
        gate["conditionType"]
        for gate in pod["spec"].get("readinessGates") or ()
        if (present.get(gate["conditionType"]) or {}).get("status") != "True"
    ]
    if missing:
        message = "; ".join(
            f'corresponding condition of pod readiness gate "{kind}" does not exist.'
            if kind not in present
            else f'the status of pod readiness gate "{kind}" is not "True"'
            for kind in missing
        )
        return _condition("Ready", False, "ReadinessGatesNotReady", message)
    return _condition("Ready", True)
