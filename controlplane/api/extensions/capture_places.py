"""From the target of a capture to what is ordered of which node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controlplane.api.errors import StatusError
from controlplane.api.extensions.capture_request import AtLink, AtNode, AtPod, Everywhere
from controlplane.api.extensions.targets import is_ready, node_addresses
from controlplane.rpc.capture_types import CaptureOrder

if TYPE_CHECKING:
    from controlplane.api.extensions.capture_request import CaptureWish, Target
    from controlplane.api.strategy import Reader

_UNDERLAY = "vxlan"


async def orders(reader: Reader, wish: CaptureWish) -> dict[str, CaptureOrder]:
    """By node name. Raises StatusError 404 for what there is not, 409 for what has no place."""
    return {
        node: CaptureOrder(places, peers, wish.filter, wish.snap_bytes)
        for node, places, peers in await _places(reader, wish.target)
    }


async def _places(
    reader: Reader, target: Target
) -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    match target:
        case AtPod(namespace, name):
            pod = await reader.get("pods", name, namespace)
            return [(_node_of(pod), (f"pod/{namespace}/{name}",), ())]
        case AtNode(name):
            await reader.get("nodes", name)
            return [(name, (), ())]
        case AtLink((first, second)):
            peers = {
                name: node_addresses(await reader.get("nodes", name)) for name in (first, second)
            }
            return [
                (first, (_UNDERLAY,), peers[second]),
                (second, (_UNDERLAY,), peers[first]),
            ]
        case Everywhere():
            nodes, _ = await reader.list("nodes")
            ready = [node["metadata"]["name"] for node in nodes if is_ready(node)]
            if not ready:
                raise _conflict("no node is ready: nothing can be captured")
            return [(name, (), ()) for name in ready]


def _node_of(pod: dict[str, Any]) -> str:
    """The node of a running pod that has a network of its own."""
    name, spec = pod["metadata"]["name"], pod["spec"]
    if spec.get("hostNetwork"):
        node = spec.get("nodeName", "")
        raise _conflict(f'pod "{name}" uses the network of its node: capture node/{node}')
    phase = (pod.get("status") or {}).get("phase") or "Pending"
    if phase != "Running" or not spec.get("nodeName"):
        message = f'pod "{name}" is not running (its phase is {phase}): it has no eth0'
        raise _conflict(message)
    return str(spec["nodeName"])


def _conflict(message: str) -> StatusError:
    return StatusError(409, "Conflict", message)
