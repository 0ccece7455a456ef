"""A pod's activeDeadlineSeconds. Source: Kubernetes pkg/kubelet/active_deadline.go."""

from datetime import datetime
from typing import Any, Final

from nodeagent.pods.pod_context import PodContext

REASON: Final = "DeadlineExceeded"
MESSAGE: Final = "Pod was active on the node longer than the specified deadline"
_LOOK_S: Final = 5.0
"""How late a deadline that is changed in a running pod is noticed."""


async def deadline_exceeded(pod: PodContext, start_time: str) -> bool:
    """Returns True when the pod has had its time, False when it stops before that.

    `start_time` is that of the pod's status (RFC 3339).
    """
    started_s = datetime.fromisoformat(start_time.replace("Z", "+00:00")).timestamp()
    while not pod.stopping.is_set():
        limit = pod.manifest["spec"].get("activeDeadlineSeconds")
        if limit is None:
            await pod.stopping.wait()
            return False
        left_s = started_s + float(limit) - pod.clock.wall_ns() / 1e9
        if left_s <= 0:
            return True
        await pod.clock.wait(pod.stopping, min(left_s, _LOOK_S))
    return False


def expired_status(status: dict[str, Any]) -> dict[str, Any]:
    """The last status of a pod that has had its time."""
    return {**status, "phase": "Failed", "reason": REASON, "message": MESSAGE}
