"""What can be traced, captured and observed: running pods, ready nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controlplane.api.errors import StatusError

if TYPE_CHECKING:
    from controlplane.api.strategy import Reader


def running_addresses(pod: dict[str, Any]) -> tuple[str, ...]:
    """The IPs of a running pod. Raises StatusError 409 when it does not run."""
    name, status = pod["metadata"]["name"], pod.get("status") or {}
    listed = (entry.get("ip") for entry in status.get("podIPs") or ())
    addresses = tuple(ip for ip in listed if ip) or tuple(filter(None, [status.get("podIP")]))
    phase = status.get("phase") or "Pending"
    if phase != "Running" or not addresses or not pod["spec"].get("nodeName"):
        message = f'pod "{name}" is not running (its phase is {phase}): nothing can be traced'
        raise StatusError(409, "Conflict", message)
    return addresses


def node_addresses(node: dict[str, Any]) -> tuple[str, ...]:
    """The InternalIPs of a node."""
    listed = (node.get("status") or {}).get("addresses") or ()
    return tuple(found["address"] for found in listed if found["type"] == "InternalIP")


def is_ready(node: dict[str, Any]) -> bool:
    """Whether the node's Ready condition is true."""
    conditions = (node.get("status") or {}).get("conditions") or ()
    return any(found["type"] == "Ready" and found["status"] == "True" for found in conditions)


async def nodes_to_watch(reader: Reader, own_node: str = "") -> list[str]:
    """All ready nodes, and the sender's own, which sees its packets even when it is not ready."""
    nodes, _ = await reader.list("nodes")
    ready = [node["metadata"]["name"] for node in nodes if is_ready(node)]
    return list(dict.fromkeys([*filter(None, [own_node]), *ready]))
