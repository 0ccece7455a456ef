"""Which pods a node takes that did not come by way of the scheduler: kubelet's admission, pure.

Source: Kubernetes pkg/kubelet/lifecycle/predicate.go.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from netcore.model.host_port import clash, host_ports
from nodeagent.pods.interfaces import Manifest


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a node will never run a pod: the name of a scheduler's predicate, and its words."""

    predicate: str
    why: str

    @property
    def message(self) -> str:
        """As kubelet's event has it."""
        return f"Predicate {self.predicate} failed: {self.why}"

    def status(self, now: str) -> dict[str, Any]:
        """The last status of the pod. `now`: RFC 3339."""
        return {
            "phase": "Failed",
            "reason": self.predicate,
            "message": f"Pod was rejected: {self.message}",
            "startTime": now,
        }


def rejection(pod: Manifest, others: Iterable[Manifest]) -> Rejection | None:
    """Why the node does not take the pod beside the `others` that it has; None when it does."""
    wanted = host_ports(pod)
    if wanted and clash(wanted, (port for other in others for port in host_ports(other))):
        return Rejection("NodePorts", "node(s) didn't have free ports for the requested pod ports")
    return None


def in_order(pods: Iterable[Manifest]) -> list[Manifest]:
    """The pods in the order in which they are judged: the older ones were there first."""
    return sorted(pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp") or ""))
