"""A packet must come from where its source address lives."""

from netcore.model.address import format_mac, text
from netcore.packet.protocols import PROTOCOL_UDP
from netcore.pipeline.context import FromPod, FromTunnel
from netcore.pipeline.passage import Passage
from netcore.pipeline.trace import Stage
from netcore.pipeline.verdict import Drop, DropReason


def check_source(passage: Passage) -> Drop | None:
    """None when the source may be believed.

    A pod must use its own addresses and MAC; a tunnel carries only what its far node's pod
    CIDRs hold. What comes through the host endpoint is the node's own business.
    """
    match passage.ctx.ingress:
        case FromPod() as pod:
            return _check_pod(passage, pod)
        case FromTunnel() as tunnel:
            return _check_tunnel(passage, tunnel)
        case _:
            return None


def check_encapsulation(passage: Passage) -> Drop | None:
    """A pod must not speak VXLAN to a node: what it wraps would come out there as another pod's,
    past anti-spoofing and policies. Asked after service translation. Cilium: DROP_ENCAP_PROHIBITED.
    """
    flow = passage.flow
    if (flow.protocol, flow.dst_port) != (PROTOCOL_UDP, passage.snapshot.config.vxlan_port):
        return None
    if not isinstance(passage.ctx.ingress, FromPod):
        return None
    if flow.dst not in passage.snapshot.nodes_by_underlay:
        return None
    if passage.trace is not None:
        rule = f"udp {flow.dst_port} to a node"
        passage.hop(Stage.ANTI_SPOOF, rule, "pods must not encapsulate: only nodes do")
    return Drop(DropReason.ENCAP_PROHIBITED)


def _check_pod(passage: Passage, pod: FromPod) -> Drop | None:
    packet = passage.packet
    if packet.src not in pod.ips:
        if passage.trace is not None:
            own = ", ".join(map(text, pod.ips))
            passage.hop(
                Stage.ANTI_SPOOF, f"src {own}", f"{text(packet.src)} is not this pod's address"
            )
        return Drop(DropReason.INVALID_SOURCE_IP)
    if packet.src_mac != pod.mac:
        if passage.trace is not None:
            passage.hop(
                Stage.ANTI_SPOOF,
                f"mac {format_mac(pod.mac)}",
                f"{format_mac(packet.src_mac)} is not this pod's MAC",
            )
        return Drop(DropReason.INVALID_SOURCE_MAC)
    if passage.trace is not None:
        passage.hop(
            Stage.ANTI_SPOOF, f"src {text(packet.src)}", "the source address is the pod's own"
        )
    return None


def _check_tunnel(passage: Passage, tunnel: FromTunnel) -> Drop | None:
    node = passage.snapshot.nodes_by_underlay.get(tunnel.underlay)
    if node is None:
        if passage.trace is not None:
            passage.hop(
                Stage.ANTI_SPOOF, "nodes", f"{text(tunnel.underlay)} is no node of this cluster"
            )
        return Drop(DropReason.NO_TUNNEL_OR_ENCAPSULATION_ENDPOINT)
    route = passage.snapshot.routes.lookup(passage.packet.src)
    if route is None or route.network not in node.pod_cidrs:
        if passage.trace is not None:
            passage.hop(
                Stage.ANTI_SPOOF,
                f"node {node.name}",
                f"{text(passage.packet.src)} is not in that node's pod CIDRs",
            )
        return Drop(DropReason.INVALID_SOURCE_IP)
    if passage.trace is not None:
        passage.hop(
            Stage.ANTI_SPOOF,
            f"{route.network} of node {node.name}",
            f"decapsulated from {text(tunnel.underlay)}; the source belongs to that node",
        )
    return None
