"""Which container of which pod a request means, and on which node it runs.

Source: Kubernetes pkg/registry/core/pod/strategy.go (validateContainer, LogLocation).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from controlplane.api.errors import bad_request
from controlplane.rpc.agent_types import ContainerTarget

if TYPE_CHECKING:
    from controlplane.api.http.request_info import RequestInfo
    from controlplane.rpc.agents import NodeReader

_KINDS = (
    ("containers", ""),
    ("initContainers", "init containers"),
    ("ephemeralContainers", "ephemeral containers"),
)


@dataclass(frozen=True, slots=True)
class Place:
    """A container and its node; no node name when the pod is not scheduled yet."""

    target: ContainerTarget
    node_name: str
    pod: dict[str, Any]


async def find_place(reader: NodeReader, info: RequestInfo, container: str) -> Place:
    """Where to go. Raises StatusError 404 for no such pod, 400 for no such container."""
    name = info.name or ""
    pod = await reader.get("pods", name, info.namespace)
    chosen = choose_container(pod, container)
    target = ContainerTarget(info.namespace or "", name, chosen)
    return Place(target, pod["spec"].get("nodeName") or "", pod)


def choose_container(pod: dict[str, Any], wanted: str) -> str:
    """The wanted container, or the only one. Raises StatusError 400."""
    pod_name = pod["metadata"]["name"]
    by_kind = {
        kind: [str(container["name"]) for container in pod["spec"].get(kind) or ()]
        for kind, _ in _KINDS
    }
    if wanted:
        if not any(wanted in names for names in by_kind.values()):
            raise bad_request(f"container {wanted} is not valid for pod {pod_name}")
        return wanted
    if len(by_kind["containers"]) == 1:
        return by_kind["containers"][0]
    choices = f"choose one of: [{' '.join(by_kind['containers'])}]"
    for kind, shown in _KINDS[1:]:
        if by_kind[kind]:
            choices += f" or one of the {shown}: [{' '.join(by_kind[kind])}]"
    raise bad_request(f"a container name must be specified for pod {pod_name}, {choices}")
