"""The one decision: what becomes of a packet, and why.

The stages, in their order: neighbour, anti-spoof, conntrack, service translation, egress policy,
route, limits, masquerade, ingress policy. Whoever explains a packet passes a list as `trace`;
there is no second evaluator that could say something else.
"""

from dataclasses import replace

from netcore.conntrack.entry import ConntrackEntry, rewrite_between
from netcore.conntrack.table import FlowView
from netcore.conntrack.timeouts import initial_state
from netcore.model.address import text
from netcore.packet.packet import Packet
from netcore.packet.protocols import TCP_RST
from netcore.pipeline.context import Context
from netcore.pipeline.passage import Passage
from netcore.pipeline.snapshot import Snapshot
from netcore.pipeline.stages.antispoof import check_encapsulation, check_source
from netcore.pipeline.stages.limits import check_limits, is_forwarded, may_not_fragment
from netcore.pipeline.stages.masquerade import leaves_cluster, masquerade
from netcore.pipeline.stages.neighbor import answer_neighbor
from netcore.pipeline.stages.policy import (
    check_egress,
    check_established,
    check_ingress,
    check_pick_up,
)
from netcore.pipeline.stages.route import route
from netcore.pipeline.stages.service import translate_service
from netcore.pipeline.stages.tracking import flow_of, follow_known_flow, follow_related_error
from netcore.pipeline.trace import Hop, Stage
from netcore.pipeline.verdict import (
    Decision,
    Deliver,
    Drop,
    DropReason,
    Encap,
    Reject,
    Verdict,
)


def decide(
    snapshot: Snapshot,
    flows: FlowView,
    packet: Packet,
    ctx: Context,
    trace: list[Hop] | None = None,
) -> Decision:
    """The fate of one packet. Pure: nothing is changed but `trace`, which gets a Hop a stage.

    Same snapshot, flows, packet and context (its random source included): same decision.
    """
    verdict = answer_neighbor(packet, ctx.ingress)
    flow = flow_of(packet)
    passage = Passage(snapshot, flows, packet, ctx, trace, flow, flow)
    if verdict is not None:
        _trace_note(passage, Stage.NEIGHBOR, "link", "concerns this link only: never routed")
        return Decision(verdict)
    spoofed = check_source(passage)
    if spoofed is not None:
        return Decision(spoofed)
    if packet.quoted is not None:
        return _forward_error(passage)
    if follow_known_flow(passage):
        return _forward_known(passage)
    if packet.tcp_flags & TCP_RST:
        return _forward_stray_reset(passage)
    refused = translate_service(passage)
    if refused is not None:
        return Decision(refused)
    if passage.is_fragment:
        return _forward_unknown_fragment(passage)
    return _forward_new(passage)


def _forward_known(passage: Passage) -> Decision:
    denied = check_established(passage)
    if denied is not None:
        return _refuse(passage, denied)
    verdict = route(passage)
    verdict = check_limits(passage, verdict) or verdict
    if isinstance(verdict, Drop | Reject):
        return _refuse(passage, verdict)
    return _conclude(passage, verdict, is_new=False)


def _forward_error(passage: Passage) -> Decision:
    """About an unknown flow it may go to a pod or to the node itself, but not out with a pod's
    address as its source: nothing says which address the far end knows that pod by.
    """
    related = follow_related_error(passage)
    denied = None if related is not None else check_egress(passage) or check_ingress(passage)
    if denied is not None:
        return _refuse(passage, denied)
    verdict = route(passage)
    if related is None and leaves_cluster(passage, verdict):
        why = "leaves the cluster, but the flow that it is about is not known"
        _trace_note(passage, Stage.MASQUERADE, "icmp error", why)
        return Decision(Drop(DropReason.NO_MAPPING_FOR_NAT_MASQUERADE))
    forwarded = _forward_untracked(passage, verdict)
    return forwarded if related is None else replace(forwarded, quoted_rewrite=related.rewrite)


def _forward_unknown_fragment(passage: Passage) -> Decision:
    """Without its first fragment it can only go where nothing is to be translated."""
    denied = check_egress(passage) or check_ingress(passage)
    if denied is not None:
        return _refuse(passage, denied)
    verdict = route(passage)
    if leaves_cluster(passage, verdict):
        why = "leaves the cluster, but its first fragment is not known"
        _trace_note(passage, Stage.MASQUERADE, "fragment", why)
        return Decision(Drop(DropReason.IP_FRAGMENTATION_NOT_SUPPORTED))
    return _forward_untracked(passage, verdict)


def _forward_stray_reset(passage: Passage) -> Decision:
    """It begins no flow (Linux: tcp_new in net/netfilter/nf_conntrack_proto_tcp.c calls it
    invalid), and goes on only where nothing is to be translated.
    """
    denied = check_egress(passage) or check_ingress(passage)
    if denied is not None:
        return _refuse(passage, denied)
    verdict = route(passage)
    if leaves_cluster(passage, verdict):
        why = "leaves the cluster, but the connection that it ends is not known"
        _trace_note(passage, Stage.MASQUERADE, "tcp reset", why)
        return Decision(Drop(DropReason.NO_MAPPING_FOR_NAT_MASQUERADE))
    return _forward_untracked(passage, verdict)


def _forward_untracked(passage: Passage, verdict: Verdict) -> Decision:
    """For what belongs to no flow: unknown fragments, ICMP errors and resets."""
    limited = check_limits(passage, verdict)
    return _conclude(passage, limited or verdict, is_new=False)


def _forward_new(passage: Passage) -> Decision:
    wrapped = check_encapsulation(passage)
    if wrapped is not None:
        return Decision(wrapped)
    denied = check_egress(passage) or check_pick_up(passage)
    if denied is not None:
        return _refuse(passage, denied)
    verdict = route(passage)
    if isinstance(verdict, Drop | Reject):
        return Decision(verdict)
    limited = check_limits(passage, verdict)
    if limited is not None:
        return Decision(limited)
    if passage.flows.is_full and passage.replaces is None:
        _trace_note(passage, Stage.CONNTRACK, "table full", "no room to remember a new flow")
        return Decision(Drop(DropReason.CT_MAP_INSERTION_FAILED))
    refused = masquerade(passage, verdict)
    if refused is not None:
        return Decision(refused)
    denied = check_ingress(passage)
    if denied is not None:
        return _refuse(passage, denied)
    original = passage.original
    passage.entry = ConntrackEntry(
        original=original,
        reply=passage.flow.reversed(),
        state=initial_state(original.protocol, passage.packet.tcp_flags),
        service=passage.frontend.name if passage.frontend else "",
        frontend=passage.frontend.key if passage.frontend else None,
    )
    return _conclude(passage, verdict, is_new=True)


def _refuse(passage: Passage, denied: Drop | Reject) -> Decision:
    return Decision(denied, judgements=passage.judgements)


def _conclude(passage: Passage, verdict: Verdict, *, is_new: bool) -> Decision:
    _trace_end(passage, verdict)
    rewrite = rewrite_between(
        passage.original, passage.flow, decrement_ttl=is_forwarded(passage, verdict)
    )
    return Decision(
        verdict=verdict,
        rewrite=rewrite,
        entry=passage.entry,
        is_new=is_new,
        replaces=passage.replaces,
        is_reply=passage.is_reply,
        balancing=passage.balancing,
        fragment_to_bytes=_fragment_size(passage, verdict),
        is_first_fragment=passage.is_first_fragment and passage.entry is not None,
        judgements=passage.judgements,
    )


def _fragment_size(passage: Passage, verdict: Verdict) -> int:
    mtu = passage.snapshot.config.pod_mtu_bytes
    if not isinstance(verdict, Deliver | Encap) or passage.packet.wire_bytes <= mtu:
        return 0
    return 0 if may_not_fragment(passage) else mtu


def _trace_end(passage: Passage, verdict: Verdict) -> None:
    if passage.trace is None:
        return
    match verdict:
        case Encap():
            passage.hop(
                Stage.ENCAP,
                f"vni {passage.snapshot.config.vni} to {text(verdict.underlay)}",
                f"VXLAN over UDP to node {verdict.node_name}",
            )
        case Deliver():
            passage.hop(Stage.DELIVER, f"dev of {text(verdict.ip)}", "handed to the pod")
        case _:
            pass


def _trace_note(passage: Passage, stage: Stage, rule: str, why: str) -> None:
    if passage.trace is not None:
        passage.hop(stage, rule, why)
