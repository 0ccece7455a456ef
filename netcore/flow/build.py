"""From what the packet path kept to flows: policies' verdicts, and what became of a packet."""

from collections.abc import Iterator
from dataclasses import replace

from netcore.flow.ends import flow_end, service_at
from netcore.flow.names import (
    DEFAULT_DENY,
    DROPS_OF_REJECTS,
    EXPLICIT_DENY,
    MATCH_NUMBERS,
    EventType,
    FlowVerdict,
    ReservedIdentity,
    SocketPoint,
    TracePoint,
)
from netcore.flow.record import DropCause, Flow, FlowEnd, PolicyName, ServiceName
from netcore.flow.sighting import Sighting
from netcore.flow.summary import summarize
from netcore.model.policy import Direction
from netcore.packet.packet import Packet
from netcore.packet.protocols import protocol_name
from netcore.pipeline.context import FromHost, FromPod
from netcore.pipeline.snapshot import Snapshot
from netcore.pipeline.verdict import Deliver, Drop, Encap, Reject, ToHost
from netcore.policy.judgement import Ground, Judgement, RuleReference

_WORLD = FlowEnd(ReservedIdentity.WORLD, labels=(f"reserved:{ReservedIdentity.WORLD.label}",))


def flows_of(snapshot: Snapshot, seen: Sighting) -> tuple[Flow, ...]:
    """In Hubble's order: service translation, policies (egress first), the packet's fate.

    There is one policy verdict per direction that some policy isolates, and only when the
    connection begins or is denied; a packet that policies have nothing to say about has none.
    """
    base = base_flow(snapshot, seen)
    found = list(_translations(snapshot, seen, base)) if seen.is_new else []
    for judgement in seen.judgements if seen.is_new or seen.entry is None else ():
        found += _policy_verdicts(base, judgement)
    fate = _fate(snapshot, seen, base)
    return (*found, fate) if fate is not None else tuple(found)


def base_flow(snapshot: Snapshot, seen: Sighting) -> Flow:
    """The ends of the packet, with the receiver that it really goes to."""
    flow = seen.delivered
    empty = Flow(seen.time_ns, snapshot.node_name, EventType.TRACE, FlowVerdict.FORWARDED)
    if flow is None or not flow.src:
        return empty
    rewrite = seen.rewrite
    through = _service_of(snapshot, seen)
    return replace(
        _with_headers(empty, seen),
        source_ip=flow.src,
        destination_ip=flow.dst,
        source_xlated=(rewrite.src or b"") if rewrite is not None and not seen.is_reply else b"",
        protocol=flow.protocol,
        source_port=flow.src_port,
        destination_port=flow.dst_port,
        source=flow_end(snapshot, flow.src, seen.source_pod),
        destination=flow_end(snapshot, flow.dst, seen.destination_pod),
        source_service=through if seen.is_reply else None,
        destination_service=None if seen.is_reply else through,
        is_reply=seen.is_reply,
    )


def _with_headers(empty: Flow, seen: Sighting) -> Flow:
    packet = seen.packet
    if not isinstance(packet, Packet):
        flow = seen.flow
        protocol = 0 if flow is None else flow.protocol
        return replace(
            empty, tcp_flags=seen.tcp_flags, summary=summarize(protocol, seen.tcp_flags, -1, -1)
        )
    return replace(
        empty,
        source_mac=packet.src_mac,
        destination_mac=packet.dst_mac,
        tcp_flags=packet.tcp_flags,
        icmp_type=packet.icmp_type,
        icmp_code=packet.icmp_code,
        summary=summarize(packet.protocol, packet.tcp_flags, packet.icmp_type, packet.icmp_code),
    )


def _service_of(snapshot: Snapshot, seen: Sighting) -> ServiceName | None:
    if seen.entry is not None:
        namespace, _, rest = seen.entry.service.partition("/")
        return ServiceName(namespace, rest.partition(":")[0]) if rest else None
    flow = seen.flow
    if flow is None or not flow.dst or not isinstance(seen.verdict, Drop | Reject):
        return None
    return service_at(snapshot, flow.dst, flow.protocol, flow.dst_port)


def _translations(snapshot: Snapshot, seen: Sighting, base: Flow) -> Iterator[Flow]:
    """A pod's connection to a Service: what it asked for, and what it got."""
    flow = seen.flow
    if flow is None or seen.delivered == flow or not isinstance(seen.ingress, FromPod):
        return
    of_socket = replace(
        base,
        event=EventType.TRACE_SOCK,
        is_reply=None,
        source_mac=b"",
        destination_mac=b"",
        tcp_flags=0,
        summary=protocol_name(flow.protocol),
    )
    yield replace(
        of_socket,
        verdict=FlowVerdict.TRACED,
        sub_type=SocketPoint.SOCK_XLATE_POINT_PRE_DIRECTION_FWD,
        socket_point=SocketPoint.SOCK_XLATE_POINT_PRE_DIRECTION_FWD,
        destination_ip=flow.dst,
        destination_port=flow.dst_port,
        destination=_WORLD
        if flow.dst in snapshot.service_addresses
        else flow_end(snapshot, flow.dst, None),
        source_xlated=b"",
    )
    yield replace(
        of_socket,
        verdict=FlowVerdict.TRANSLATED,
        sub_type=SocketPoint.SOCK_XLATE_POINT_POST_DIRECTION_FWD,
        socket_point=SocketPoint.SOCK_XLATE_POINT_POST_DIRECTION_FWD,
        source_xlated=b"",
    )


def _policy_verdicts(base: Flow, judgement: Judgement) -> Iterator[Flow]:
    event = replace(
        base,
        event=EventType.POLICY_VERDICT,
        direction=judgement.direction,
        match_type=MATCH_NUMBERS[judgement.match.value],
    )
    if not judgement.allowed:
        yield replace(
            event,
            verdict=FlowVerdict.DROPPED,
            is_reply=None,
            drop=_cause_of_denial(judgement),
            denied_by=policy_names(judgement.by),
        )
        return
    if judgement.audited:
        yield replace(event, verdict=FlowVerdict.AUDIT, denied_by=policy_names(judgement.audited))
    elif judgement.ground is not Ground.NOT_ISOLATED:
        yield replace(event, allowed_by=policy_names(judgement.by))


def policy_names(references: tuple[RuleReference, ...]) -> tuple[PolicyName, ...]:
    """As flows name policies and their rules."""
    return tuple(
        PolicyName(each.name, each.namespace, each.kind.value, each.index) for each in references
    )


def _cause_of_denial(judgement: Judgement) -> DropCause:
    return DropCause(*(EXPLICIT_DENY if judgement.is_explicit else DEFAULT_DENY))


def _fate(snapshot: Snapshot, seen: Sighting, base: Flow) -> Flow | None:
    match seen.verdict:
        case Drop() | Reject():
            return _drop(seen, base)
        case Deliver() | Encap() | ToHost():
            point = _trace_point(snapshot, seen.verdict, base)
            return replace(
                base,
                sub_type=point,
                trace_point=point,
                direction=connection_direction(seen),
            )
        case _:
            return None  # an answer about the link itself


def _drop(seen: Sighting, base: Flow) -> Flow:
    denial = next((each for each in seen.judgements if not each.allowed), None)
    assert isinstance(seen.verdict, Drop | Reject)
    cause = drop_cause(seen.verdict, denial)
    return replace(
        base,
        event=EventType.DROP,
        verdict=FlowVerdict.DROPPED,
        sub_type=cause.number,
        drop=cause,
        is_reply=None,
        direction=denial.direction if denial is not None else connection_direction(seen),
        denied_by=() if denial is None else policy_names(denial.by),
    )


def drop_cause(verdict: Drop | Reject, denial: Judgement | None) -> DropCause:
    """The reason that Hubble has for it; `denial`: the judgement that it comes from, if any."""
    if isinstance(verdict, Drop):
        return DropCause(verdict.reason.name, verdict.reason.value)
    if denial is not None:
        return _cause_of_denial(denial)
    return DropCause(*DROPS_OF_REJECTS[verdict.kind])


def _trace_point(snapshot: Snapshot, verdict: Deliver | Encap | ToHost, base: Flow) -> TracePoint:
    match verdict:
        case Deliver():
            return TracePoint.TO_ENDPOINT
        case Encap():
            return TracePoint.TO_OVERLAY
        case ToHost():
            own = bool(base.destination_ip) and snapshot.is_own_address(base.destination_ip)
            return TracePoint.TO_HOST if own else TracePoint.TO_STACK


def connection_direction(seen: Sighting) -> Direction | None:
    """The connection's, as seen from the pod of this node; None where no such pod has part."""
    is_delivered = isinstance(seen.verdict, Deliver)
    if isinstance(seen.ingress, FromHost) and not is_delivered:
        return None
    begins_here = isinstance(seen.ingress, FromPod) and not is_delivered
    return Direction.EGRESS if begins_here != seen.is_reply else Direction.INGRESS
