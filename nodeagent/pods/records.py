"""The first records of a pod's containers, with what an earlier agent had reported of them."""

from typing import Any

from nodeagent.pods.interfaces import Manifest
from nodeagent.pods.status import ContainerRecord, ContainerRole


def initial_records(pod: Manifest) -> list[ContainerRecord]:
    """Init containers and sidecars first, in the order in which they start.

    Containers that a former agent ran died with it: that counts as a restart.
    """
    spec, status = pod["spec"], pod.get("status") or {}
    known = {
        item["name"]: item
        for field in ("initContainerStatuses", "containerStatuses")
        for item in status.get(field) or ()
    }
    first = spec.get("initContainers") or ()
    reason = "PodInitializing" if first else "ContainerCreating"
    records = []
    for container in (*first, *spec["containers"]):
        record = ContainerRecord(
            container["name"],
            container.get("image") or "",
            _role(container, first),
            {"waiting": {"reason": reason}},
        )
        _take_over(record, known.get(container["name"]) or {})
        records.append(record)
    return records


def _role(container: Manifest, first: Any) -> ContainerRole:
    if container not in first:
        return ContainerRole.APP
    is_sidecar = container.get("restartPolicy") == "Always"
    return ContainerRole.SIDECAR if is_sidecar else ContainerRole.INIT


def _take_over(record: ContainerRecord, earlier: Manifest) -> None:
    if not earlier.get("containerID"):
        return
    record.restart_count = int(earlier.get("restartCount") or 0) + 1
    state = earlier.get("state") or {}
    if "terminated" in state:
        record.last_state = {"terminated": state["terminated"]}
    else:
        record.last_state = {
            "terminated": {
                "exitCode": 255,
                "reason": "Unknown",
                "startedAt": (state.get("running") or {}).get("startedAt"),
                "finishedAt": None,
                "containerID": earlier["containerID"],
            }
        }
