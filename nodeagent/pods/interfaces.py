"""What the pods need from the rest of the agent, and what they need to know of the node."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from netcore.model.errors import KubehopError

Manifest = Mapping[str, Any]
"""A Kubernetes object as its JSON tree."""


class PodKey(NamedTuple):
    namespace: str
    name: str


class PodRef(NamedTuple):
    """One incarnation of a pod: the name may come back with another uid."""

    namespace: str
    name: str
    uid: str


@dataclass(frozen=True)
class NodeFacts:
    """The node as its pods see it. `state_dir` must exist and be private to this agent."""

    name: str
    host_ips: tuple[str, ...]
    cluster_domain: str
    dns_addresses: tuple[str, ...]
    resolv_conf: Path
    state_dir: Path


class PodNetwork(Protocol):
    async def attach(self, manifest: Manifest, netns_path: str) -> tuple[str, ...]:
        """Give the pod its addresses and its eth0 with routes. Raises KubehopError."""

    async def detach(self, uid: str) -> None:
        """Take all that back. Idempotent."""


class PodReporter(Protocol):
    def status_changed(
        self, namespace: str, name: str, uid: str, status: dict[str, Any], removed: bool
    ) -> None:
        """Remember the latest status of a pod and deliver it soon. Does not block."""

    def event(self, pod: PodRef, type: str, reason: str, message: str, field_path: str) -> None:
        """Deliver an Event about the pod soon. Does not block."""


class ContainerNotFound(KubehopError):
    """The pod is not on this node or has no such container."""
