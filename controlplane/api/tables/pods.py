"""The table of Pods. Source: printPod in printers.go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from controlplane.api.tables.age import human_duration, parse_time
from controlplane.api.tables.column import (
    NONE,
    Cell,
    Object,
    Printer,
    age,
    columns,
    items,
    name,
    number,
    section,
)

if TYPE_CHECKING:
    from datetime import datetime

_COLUMNS = columns(
    "Name",
    "Ready",
    "Status",
    "Restarts",
    "Age",
    wide=("IP", "Node", "Nominated Node", "Readiness Gates"),
)
_ENDINGS = {
    "Succeeded": ("Succeeded", "The pod has completed successfully."),
    "Failed": ("Failed", "The pod failed."),
}


@dataclass(slots=True)
class _Summary:
    reason: str
    total: int
    ready: int = 0
    restarts: int = 0
    last_restart: datetime | None = None

    def restarted(self, status: Object) -> None:
        self.restarts += number(status, "restartCount")
        ended = parse_time(section(status, "lastState", "terminated").get("finishedAt"))
        if ended and (self.last_restart is None or ended > self.last_restart):
            self.last_restart = ended


def _cells(pod: Object, now: datetime) -> list[Cell]:
    summary = _summarize(pod)
    restarts = str(summary.restarts)
    if summary.restarts and summary.last_restart:
        ago = human_duration((now - summary.last_restart).total_seconds())
        restarts = f"{restarts} ({ago} ago)"
    status = section(pod, "status")
    addresses = items(pod, "status", "podIPs")
    first = addresses[0].get("ip") if addresses else status.get("podIP")
    return [
        name(pod),
        f"{summary.ready}/{summary.total}",
        summary.reason,
        restarts,
        age(pod, now),
        first or NONE,
        section(pod, "spec").get("nodeName") or NONE,
        status.get("nominatedNodeName") or NONE,
        _readiness_gates(pod),
    ]


def _summarize(pod: Object) -> _Summary:
    status = section(pod, "status")
    reason = status.get("reason") or status.get("phase") or ""
    if _condition(pod, "PodScheduled").get("reason") == "SchedulingGated":
        reason = "SchedulingGated"
    sidecars = {
        container.get("name")
        for container in items(pod, "spec", "initContainers")
        if container.get("restartPolicy") == "Always"
    }
    summary = _Summary(str(reason), len(items(pod, "spec", "containers")) + len(sidecars))
    initializing = _init_containers(pod, summary, sidecars)
    if not initializing or _condition(pod, "Initialized").get("status") == "True":
        _containers(pod, summary, sidecars)
    return _with_deletion(pod, summary)


def _init_containers(pod: Object, summary: _Summary, sidecars: set[Any]) -> bool:
    """Whether an init container still has to end; the reason then says how far it is."""
    for index, status in enumerate(items(pod, "status", "initContainerStatuses")):
        summary.restarted(status)
        terminated = section(status, "state", "terminated")
        if terminated and number(terminated, "exitCode") == 0:
            continue
        if status.get("name") in sidecars and status.get("started"):
            summary.ready += bool(status.get("ready"))
            continue
        waiting = section(status, "state", "waiting").get("reason")
        if terminated:
            summary.reason = "Init:" + _termination(terminated)
        elif waiting and waiting != "PodInitializing":
            summary.reason = f"Init:{waiting}"
        else:
            summary.reason = f"Init:{index}/{len(items(pod, 'spec', 'initContainers'))}"
        return True
    return False


def _containers(pod: Object, summary: _Summary, sidecars: set[Any]) -> None:
    # Restarts of init containers that have ended say nothing of the pod that runs now.
    summary.restarts, summary.last_restart = 0, None
    for status in items(pod, "status", "initContainerStatuses"):
        if status.get("name") in sidecars:
            summary.restarted(status)
    has_running = False
    for status in reversed(items(pod, "status", "containerStatuses")):
        summary.restarted(status)
        waiting = section(status, "state", "waiting").get("reason")
        terminated = section(status, "state", "terminated")
        if waiting:
            summary.reason = str(waiting)
        elif terminated:
            summary.reason = _termination(terminated)
        elif status.get("ready") and "running" in section(status, "state"):
            has_running = True
            summary.ready += 1
    if summary.reason == "Completed" and has_running:
        is_ready = _condition(pod, "Ready").get("status") == "True"
        summary.reason = "Running" if is_ready else "NotReady"


def _termination(terminated: Object) -> str:
    if terminated.get("reason"):
        return str(terminated["reason"])
    if number(terminated, "signal"):
        return f"Signal:{terminated['signal']}"
    return f"ExitCode:{number(terminated, 'exitCode')}"


def _with_deletion(pod: Object, summary: _Summary) -> _Summary:
    status = section(pod, "status")
    if section(pod, "metadata").get("deletionTimestamp"):
        if status.get("reason") == "NodeLost":
            summary.reason = "Unknown"
        elif status.get("phase") not in _ENDINGS:
            summary.reason = "Terminating"
    return summary


def _condition(pod: Object, wanted: str) -> Object:
    conditions = items(pod, "status", "conditions")
    return next((found for found in conditions if found.get("type") == wanted), {})


def _readiness_gates(pod: Object) -> str:
    gates = items(pod, "spec", "readinessGates")
    if not gates:
        return NONE
    met = sum(
        _condition(pod, str(gate.get("conditionType"))).get("status") == "True" for gate in gates
    )
    return f"{met}/{len(gates)}"


def _conditions(pod: Object) -> list[Object]:
    ending = _ENDINGS.get(section(pod, "status").get("phase", ""))
    if ending is None:
        return []
    return [{"type": "Completed", "status": "True", "reason": ending[0], "message": ending[1]}]


POD = Printer(_COLUMNS, _cells, _conditions)
