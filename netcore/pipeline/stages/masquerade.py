"""Source translation: where the answer would not find its way back otherwise.

Two cases, as on a kube-proxy and flannel node: a pod that reaches itself through its Service
(hairpin) gets the gateway as source; what leaves the cluster gets the node's address, with a
port of its own range so that the node can tell these answers from its own connections.
"""

from netcore.conntrack.tuple import FlowTuple
from netcore.model.address import text
from netcore.packet.protocols import PROTOCOL_ICMP, PROTOCOL_ICMPV6
from netcore.pipeline.context import FromTunnel
from netcore.pipeline.passage import Passage
from netcore.pipeline.trace import Stage
from netcore.pipeline.verdict import Deliver, Drop, DropReason, ToHost, Verdict

MASQUERADE_PORTS = range(61000, 65535)
"""Above Linux's ip_local_port_range (32768 to 60999), so never a port of the node itself; 65535
is no valid end of a port range in a routing rule (net/core/fib_rules.c)."""

_ATTEMPTS = 128


def masquerade(passage: Passage, verdict: Verdict) -> Drop | None:
    """Rewrite the source of a new flow where that is needed; Drop when no port is free."""
    flow, snapshot = passage.flow, passage.snapshot
    width = len(flow.dst)
    if isinstance(verdict, Deliver) and flow.src == flow.dst:
        return _translate(passage, snapshot.gateway(width), "hairpin: a pod reaches itself")
    if not isinstance(verdict, ToHost) or isinstance(passage.ctx.ingress, FromTunnel):
        return None
    if flow.dst in snapshot.gateways or flow.dst in snapshot.node_addresses:
        return None
    if flow.src in snapshot.node_addresses:
        return None
    return _translate(passage, snapshot.node_address(width), "leaves the cluster")


def _translate(passage: Passage, source: bytes | None, why: str) -> Drop | None:
    after = None if source is None else _free_tuple(passage, source)
    if after is None:
        if passage.trace is not None:
            passage.hop(Stage.MASQUERADE, "snat", f"{why}, but no address or port is free for it")
        return Drop(DropReason.NO_MAPPING_FOR_NAT_MASQUERADE)
    if passage.trace is not None:
        passage.hop(Stage.MASQUERADE, f"snat to {text(after.src)}:{after.src_port}", why, after)
    passage.flow = after
    return None


def _free_tuple(passage: Passage, source: bytes) -> FlowTuple | None:
    flow = passage.flow
    first = passage.ctx.random_below(len(MASQUERADE_PORTS))
    for attempt in range(_ATTEMPTS):
        port = MASQUERADE_PORTS[(first + attempt) % len(MASQUERADE_PORTS)]
        candidate = flow._replace(src=source, src_port=port)
        if flow.protocol in (PROTOCOL_ICMP, PROTOCOL_ICMPV6):  # one identifier, both ways
            candidate = candidate._replace(dst_port=port)
        if passage.flows.lookup(candidate.reversed()) is None:
            return candidate
    return None
