"""Conntrack: is this packet part of a flow that is known, or an error about one?"""

from dataclasses import dataclass

from netcore.conntrack.entry import ConntrackEntry, rewrite_between
from netcore.conntrack.fragments import datagram_of
from netcore.conntrack.tuple import FlowTuple
from netcore.model.address import authority
from netcore.packet.packet import Packet
from netcore.packet.rewrite import Rewrite
from netcore.pipeline.context import FromPod, FromTunnel
from netcore.pipeline.passage import Passage
from netcore.pipeline.trace import Stage


def flow_of(packet: Packet) -> FlowTuple:
    return FlowTuple(packet.protocol, packet.src, packet.src_port, packet.dst, packet.dst_port)


def follow_known_flow(passage: Passage) -> bool:
    """True when the packet belongs to a tracked flow; its translation is then in force.

    Later fragments belong to the flow of their first one.
    """
    if passage.is_fragment:
        return _follow_first_fragment(passage)
    known = passage.flows.lookup(passage.flow)
    if known is None:
        return False
    entry, is_reply = known
    if entry.may_restart(passage.packet.tcp_flags, is_reply=is_reply):
        passage.replaces = entry
        return False
    passage.entry, passage.is_reply = entry, is_reply
    after = entry.translated(is_reply=is_reply)
    if passage.trace is not None:
        direction = "reply" if is_reply else "original"
        why = f"an answer within flow {format_flow(entry.original)}" if is_reply else "known flow"
        if after != passage.flow:
            why += "; translated as its first packet was"
        passage.hop(Stage.CONNTRACK, f"{entry.state.label} {direction}", why, after)
    passage.flow = after
    return True


def _follow_first_fragment(passage: Passage) -> bool:
    """There are no ports to translate: only the addresses are those of the flow."""
    first = passage.flows.first_fragment(datagram_of(passage.packet))
    known = passage.flows.lookup(first) if first else None
    if known is None:
        return False
    passage.entry, passage.is_reply = known
    entry, is_reply = known
    translated = entry.translated(is_reply=is_reply)
    after = passage.flow._replace(src=translated.src, dst=translated.dst)
    if passage.trace is not None:
        why = f"continues a datagram of flow {format_flow(entry.original)}"
        if after != passage.flow:
            why += "; translated as its first fragment was"
        rule = f"fragment {passage.packet.identification} at {passage.packet.fragment_offset}"
        passage.hop(Stage.CONNTRACK, rule, why, after)
    passage.flow = after
    return True


@dataclass(frozen=True, slots=True)
class RelatedError:
    """An ICMP error about a known flow. `rewrite`: what to change in the packet that it quotes."""

    rewrite: Rewrite | None


def follow_related_error(passage: Passage) -> RelatedError | None:
    """None when the flow that an ICMP error is about is not known, or not the sender's own.

    Else the packet that it quotes is to be rewritten so that the receiver recognises it (RFC
    5508 section 4), and `passage.flow` is rewritten where the flow had NAT. A pod is no router:
    it can only report what was sent to itself.
    """
    quoted = passage.packet.quoted
    if quoted is None:
        return None
    answer = FlowTuple(quoted.protocol, quoted.dst, quoted.dst_port, quoted.src, quoted.src_port)
    known = passage.flows.lookup(answer)
    is_end = passage.packet.src == answer.src
    if known is None or (_is_of_pod(passage) and not is_end):
        return None
    entry, is_reply = known
    seen = answer.reversed()
    meant = entry.translated(is_reply=is_reply).reversed()
    after = passage.flow._replace(dst=meant.src)
    if is_end:  # the far end itself complains: keep its disguise
        after = after._replace(src=meant.dst)
    _trace_related(passage, entry, after)
    passage.flow = after
    return RelatedError(rewrite_between(seen, meant))


def _is_of_pod(passage: Passage) -> bool:
    """Whether a pod, here or behind a tunnel, has sent it; its source has been checked."""
    match passage.ctx.ingress:
        case FromPod():
            return True
        case FromTunnel():  # else a node's address towards its pods: it routes for them
            return passage.packet.src not in passage.snapshot.nodes_by_address
        case _:
            return False


def _trace_related(passage: Passage, entry: ConntrackEntry, after: FlowTuple) -> None:
    if passage.trace is not None:
        passage.hop(
            Stage.CONNTRACK, "related", f"an error about {format_flow(entry.original)}", after
        )


def format_flow(flow: FlowTuple) -> str:
    return f"{authority(flow.src, flow.src_port)} -> {authority(flow.dst, flow.dst_port)}"
