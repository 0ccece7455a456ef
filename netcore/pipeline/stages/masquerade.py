"""Source translation: where the answer would not find its way back otherwise.

Four cases, as on a kube-proxy and flannel node: a pod that reaches itself through its Service
(hairpin) gets the gateway as source, and so does what came in by a node port or the like, so that
its answer comes back to the node that translated it; what leaves the cluster gets the node's
address, with a port of its own range so that the node can tell these answers from its own
connections; and a flow whose answers could not be told from another's gets another port (Linux:
get_unique_tuple in net/netfilter/nf_nat_core.c). That happens when a pod uses one port of its own
both towards a Service and towards the endpoint behind it.

A fifth is our own: where the node or a client outside comes to an endpoint in the network of this
very node (hostNetwork), its kernel would answer without the datapath. So it gets the node's
address, too. A real node has its conntrack in the way of that answer, and keeps the source.
"""

from netcore.conntrack.tuple import FlowTuple
from netcore.model.address import authority
from netcore.model.config import MASQUERADE_PORTS
from netcore.packet.icmp import ICMP_ECHO_TYPES
from netcore.packet.icmpv6 import ICMPV6_ECHO_TYPES
from netcore.packet.packet import Packet
from netcore.packet.protocols import (
    PROTOCOL_ICMP,
    PROTOCOL_ICMPV6,
    PROTOCOLS_WITH_PORTS,
)
from netcore.pipeline.context import FromHost, FromTunnel
from netcore.pipeline.passage import Passage
from netcore.pipeline.trace import Stage
from netcore.pipeline.verdict import Deliver, Drop, DropReason, ToHost, Verdict

_ATTEMPTS = 128


def masquerade(passage: Passage, verdict: Verdict) -> Drop | None:
    """Rewrite the source of a new flow where that is needed; Drop when no port is free."""
    flow, snapshot = passage.flow, passage.snapshot
    width = len(flow.dst)
    if isinstance(verdict, Deliver) and flow.src == flow.dst:
        return _translate(passage, snapshot.gateway(width), "hairpin: a pod reaches itself")
    if passage.masquerade_why and not isinstance(verdict, ToHost):
        return _translate(passage, snapshot.gateway(width), passage.masquerade_why)
    why = passage.masquerade_why or _why_as_the_node(passage, verdict)
    if why:
        return _translate(passage, snapshot.node_address(width), why)
    taken = passage.flows.lookup(flow.reversed())
    if taken is not None and taken[0] is not passage.replaces:
        return _translate(passage, flow.src, "another flow expects the same answers")
    return None


def _why_as_the_node(passage: Passage, verdict: Verdict) -> str:
    """Why the source is to be the node's address; empty where it need not be."""
    if leaves_cluster(passage, verdict):
        return "leaves the cluster"
    if not isinstance(verdict, ToHost) or not isinstance(passage.ctx.ingress, FromHost):
        return ""
    flow, original = passage.flow, passage.original
    if (flow.dst, flow.dst_port) == (original.dst, original.dst_port):
        return ""
    return "the node itself answers, which would not come back through here otherwise"


def leaves_cluster(passage: Passage, verdict: Verdict) -> bool:
    """Whether the packet needs the node's address as its source on the way that it takes."""
    flow, snapshot = passage.flow, passage.snapshot
    return (
        isinstance(verdict, ToHost)
        and not isinstance(passage.ctx.ingress, FromTunnel)
        and flow.dst not in snapshot.gateways
        and flow.dst not in snapshot.node_addresses
        and flow.src not in snapshot.node_addresses
    )


def _translate(passage: Passage, source: bytes | None, why: str) -> Drop | None:
    after = None if source is None else _free_tuple(passage, source)
    if after is None:
        if passage.trace is not None:
            passage.hop(Stage.MASQUERADE, "snat", f"{why}, but no address or port is free for it")
        return Drop(DropReason.NO_MAPPING_FOR_NAT_MASQUERADE)
    if passage.trace is not None:
        passage.hop(Stage.MASQUERADE, f"snat to {authority(after.src, after.src_port)}", why, after)
    passage.flow = after
    return None


def _has_ports(packet: Packet) -> bool:
    """Whether there is a port, or an echo's identifier, to tell flows apart by."""
    if packet.protocol == PROTOCOL_ICMP:
        return packet.icmp_type in ICMP_ECHO_TYPES
    if packet.protocol == PROTOCOL_ICMPV6:
        return packet.icmp_type in ICMPV6_ECHO_TYPES
    return packet.protocol in PROTOCOLS_WITH_PORTS


def _free_tuple(passage: Passage, source: bytes) -> FlowTuple | None:
    flow = passage.flow
    if not _has_ports(passage.packet):
        candidate = flow._replace(src=source)
        return None if passage.flows.lookup(candidate.reversed()) else candidate
    first = passage.ctx.random_below(len(MASQUERADE_PORTS))
    for attempt in range(_ATTEMPTS):
        port = MASQUERADE_PORTS[(first + attempt) % len(MASQUERADE_PORTS)]
        candidate = flow._replace(src=source, src_port=port)
        if flow.protocol in (PROTOCOL_ICMP, PROTOCOL_ICMPV6):  # one identifier, both ways
            candidate = candidate._replace(dst_port=port)
        if passage.flows.lookup(candidate.reversed()) is None:
            return candidate
    return None
