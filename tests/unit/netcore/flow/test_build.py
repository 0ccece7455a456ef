from dataclasses import replace

import pytest

from netcore.flow.build import flows_of
from netcore.flow.names import EventType, FlowVerdict, ReservedIdentity, SocketPoint, TracePoint
from netcore.flow.record import DropCause, PolicyName, ServiceName
from netcore.flow.sighting import Sighting
from netcore.model.policy import Direction, PolicyKind
from netcore.packet.protocols import TCP_ACK, TCP_FIN, TCP_SYN
from netcore.pipeline.context import FromHost
from netcore.pipeline.verdict import Drop, DropReason, Reject, RejectKind
from netcore.policy.judgement import Ground, Judgement, Match, RuleReference
from tests.support.cluster import (
    CLIENT,
    CLIENT_POD,
    EMPTY,
    NODE1,
    NODE2,
    OUTSIDE,
    WEB,
    WEB_PODS,
    cluster,
    from_node,
    from_pod,
)
from tests.support.decider import Decider
from tests.support.frames import PEER, POD, icmp, tcp, udp
from tests.support.policies import INGRESS, network_policy, rule
from tests.support.sightings import TIME_NS, flows, sighting

ME = from_pod(CLIENT_POD)
ALLOW = RuleReference(PolicyKind.NETWORK, "default", "allow-web", 0)
DENY_ALL = RuleReference(PolicyKind.NETWORK, "default", "default-deny")


@pytest.fixture
def node1():
    return Decider(cluster())


@pytest.fixture
def node2():
    return Decider(cluster(on="node2"))


def judged(direction, *, allowed, ground=Ground.RULE, match=Match.L3_L4, by=(), audited=()):
    return Judgement(direction, ("default", "web-1"), allowed, ground, match, by, audited)


def test_a_pod_to_a_pod_of_its_node(node1):
    (flow,) = flows(node1, tcp(CLIENT, POD), ME)
    assert (flow.event, flow.verdict) == (EventType.TRACE, FlowVerdict.FORWARDED)
    assert flow.trace_point is TracePoint.TO_ENDPOINT
    assert (flow.source.namespace, flow.source.pod_name) == ("default", "client")
    assert (flow.destination.pod_name, flow.destination_port) == ("web-1", 80)
    assert flow.direction is Direction.INGRESS
    assert flow.is_reply is False
    assert flow.summary == "TCP Flags: SYN"
    assert (flow.time_ns, flow.node_name) == (TIME_NS, "node1")


def test_a_connection_to_a_service_tells_both_sides_of_the_translation(node1):
    node1.random_below = lambda n: 1
    node1.turn_to((WEB, 6, 80), 1)
    before, after, fate = flows(node1, tcp(CLIENT, WEB), ME)
    assert before.socket_point is SocketPoint.SOCK_XLATE_POINT_PRE_DIRECTION_FWD
    assert (before.destination_ip, before.destination_port) == (WEB, 80)
    assert before.destination.identity == ReservedIdentity.WORLD
    assert before.verdict is FlowVerdict.TRACED
    assert after.verdict is FlowVerdict.TRANSLATED
    assert (after.destination_ip, after.destination_port) == (PEER, 8080)
    assert after.destination.pod_name == "web-2"
    assert before.is_reply is after.is_reply is None
    assert fate.trace_point is TracePoint.TO_OVERLAY
    assert fate.direction is Direction.EGRESS
    services = {flow.destination_service for flow in (before, after, fate)}
    assert services == {ServiceName("default", "web")}


def test_the_answer_names_the_service_as_its_source(node1):
    node1.turn_to((WEB, 6, 80), 1)
    node1.send(tcp(CLIENT, WEB), ME)
    answer = tcp(PEER, CLIENT, 8080, 40000, flags=TCP_SYN | TCP_ACK)
    (flow,) = flows(node1, answer, from_node(2))
    assert flow.is_reply is True
    assert flow.source_service == ServiceName("default", "web")
    assert (flow.source.pod_name, flow.destination.pod_name) == ("web-2", "client")
    assert flow.direction is Direction.EGRESS  # the connection's, which the client opened
    assert flow.summary == "TCP Flags: SYN, ACK"


def test_at_the_receiving_node(node2):
    (flow,) = flows(node2, tcp(CLIENT, PEER, dport=8080), from_node(1))
    assert flow.direction is Direction.INGRESS
    assert flow.trace_point is TracePoint.TO_ENDPOINT


def test_out_of_the_cluster_with_the_address_that_the_receiver_sees(node1):
    (flow,) = flows(node1, udp(CLIENT, OUTSIDE), ME)
    assert flow.trace_point is TracePoint.TO_STACK
    assert (flow.source_ip, flow.source_xlated) == (CLIENT, NODE1)
    assert flow.destination.identity == ReservedIdentity.WORLD


@pytest.mark.parametrize(
    ("address", "identity", "point"),
    [
        (NODE1, ReservedIdentity.HOST, TracePoint.TO_HOST),
        (NODE2, ReservedIdentity.REMOTE_NODE, TracePoint.TO_STACK),
    ],
)
def test_to_nodes(node1, address, identity, point):
    (flow,) = flows(node1, tcp(CLIENT, address, dport=22), ME)
    assert (flow.destination.identity, flow.trace_point) == (identity, point)


def test_from_the_node_itself(node1):
    (flow,) = flows(node1, tcp(NODE1, POD), FromHost())
    assert (flow.source.identity, flow.direction) == (ReservedIdentity.HOST, Direction.INGRESS)


def test_a_service_without_endpoints(node1):
    (flow,) = flows(node1, tcp(CLIENT, EMPTY), ME)
    assert (flow.verdict, flow.event) == (FlowVerdict.DROPPED, EventType.DROP)
    assert flow.drop == DropCause("SERVICE_BACKEND_NOT_FOUND", 158)
    assert flow.sub_type == 158
    assert flow.destination_service == ServiceName("default", "empty")
    assert flow.is_reply is None


def test_spoofed(node1):
    (flow,) = flows(node1, tcp(PEER, POD), ME)
    assert flow.drop == DropCause("INVALID_SOURCE_IP", 132)


@pytest.mark.parametrize("kind", RejectKind)
def test_every_reject_has_a_drop_reason(node1, kind):
    seen = sighting(node1, tcp(CLIENT, POD), ME)._replace(verdict=Reject(kind))
    flow = flows_of(node1.snapshot, seen)[-1]
    assert flow.drop is not None
    assert flow.drop.number >= 130


def test_policies_that_allow_are_told_egress_first(node1):
    egress = judged(Direction.EGRESS, allowed=True, by=(ALLOW,), match=Match.L4_ONLY)
    ingress = judged(Direction.INGRESS, allowed=True, by=(ALLOW,))
    first, second, fate = flows(node1, tcp(CLIENT, POD), ME, egress, ingress)
    assert first.event is second.event is EventType.POLICY_VERDICT
    assert (first.direction, second.direction) == (Direction.EGRESS, Direction.INGRESS)
    assert (first.match_type, second.match_type) == (3, 2)
    assert second.allowed_by == (PolicyName("allow-web", "default", "NetworkPolicy", 0),)
    assert second.is_reply is False
    assert fate.event is EventType.TRACE


def test_who_is_not_isolated_has_no_policy_verdict(node1):
    free = judged(Direction.INGRESS, allowed=True, ground=Ground.NOT_ISOLATED, match=Match.NONE)
    (fate,) = flows(node1, tcp(CLIENT, POD), ME, free)
    assert fate.event is EventType.TRACE


@pytest.mark.parametrize(
    ("ground", "cause"),
    [
        (Ground.DEFAULT_DENY, DropCause("POLICY_DENIED", 133)),
        (Ground.RULE, DropCause("POLICY_DENY", 181)),
    ],
)
@pytest.mark.parametrize(
    "verdict",
    [None, Reject(RejectKind.ADMINISTRATIVELY_PROHIBITED), Reject(RejectKind.PORT_UNREACHABLE)],
)
def test_a_denial_is_a_verdict_and_a_drop(node1, ground, cause, verdict):
    denied = judged(
        Direction.INGRESS, allowed=False, ground=ground, match=Match.NONE, by=(DENY_ALL,)
    )
    seen = sighting(node1, tcp(CLIENT, POD), ME, denied)
    seen = seen._replace(verdict=verdict or Drop(DropReason[cause.name]), is_new=False, entry=None)
    told, drop = flows_of(node1.snapshot, seen)
    assert told.verdict is drop.verdict is FlowVerdict.DROPPED
    assert told.drop == drop.drop == cause
    assert told.denied_by == drop.denied_by
    assert [name.name for name in told.denied_by] == ["default-deny"]
    assert drop.direction is Direction.INGRESS
    assert told.is_reply is drop.is_reply is None


def test_what_would_have_been_denied_is_audited(node1):
    audited = judged(
        Direction.INGRESS,
        allowed=True,
        ground=Ground.NOT_ISOLATED,
        match=Match.NONE,
        audited=(DENY_ALL,),
    )
    told, fate = flows(node1, tcp(CLIENT, POD), ME, audited)
    assert told.verdict is FlowVerdict.AUDIT
    assert [name.name for name in told.denied_by] == ["default-deny"]
    assert fate.verdict is FlowVerdict.FORWARDED


def test_icmp(node1):
    (flow,) = flows(node1, icmp(CLIENT, POD, 8, rest=7 << 16), ME)
    assert (flow.summary, flow.icmp_type) == ("ICMPv4 EchoRequest", 8)


def test_a_frame_that_could_not_be_parsed_has_no_ends(node1):
    drop = Drop(DropReason.CT_TRUNCATED_OR_INVALID_HEADER)
    seen = Sighting(TIME_NS, ME, None, 0, drop, None, None, False, False, (), None, None)
    (flow,) = flows_of(node1.snapshot, seen)
    assert (flow.source_ip, flow.summary) == (b"", "")
    assert flow.drop is not None
    assert flow.drop.number == 135


def test_a_close_is_told_by_addresses_and_ports_alone(node1):
    node1.turn_to((WEB, 6, 80), 1)
    opening = sighting(node1, tcp(CLIENT, WEB), ME)
    ends = CLIENT + WEB + (40000).to_bytes(2, "big") + (80).to_bytes(2, "big")
    closing = opening._replace(packet=ends, tcp_flags=TCP_FIN | TCP_ACK, is_new=False)
    (flow,) = flows_of(node1.snapshot, closing)
    assert (flow.destination_ip, flow.destination_port) == (PEER, 8080)
    assert flow.summary == "TCP Flags: ACK, FIN"
    assert flow.destination.pod_name == "web-2"


def test_a_pod_that_has_gone_keeps_its_name_and_takes_labels_that_came_later(node1):
    seen = sighting(node1, tcp(CLIENT, POD), ME)
    gone = Decider(cluster(on="node1")).snapshot
    labelled = replace(WEB_PODS[0], labels={"app": "web"})
    told = flows_of(cluster(labelled), seen)[0]
    assert "k8s:app=web" in told.destination.labels
    other = replace(WEB_PODS[0], uid="another", labels={"app": "db"})
    assert "k8s:app=db" not in flows_of(cluster(other), seen)[0].destination.labels
    assert flows_of(gone, seen)[0].destination.pod_name == "web-1"


def test_packets_of_a_connection_that_is_allowed_repeat_no_verdict():
    """Judged again with each new picture, it is told once."""
    allowed = network_policy(isolates=INGRESS, ingress=(rule(),))
    node = Decider(cluster(allowed))
    events = [flow.event for flow in flows(node, tcp(CLIENT, POD), ME)]
    assert events == [EventType.POLICY_VERDICT, EventType.TRACE]
    answer = flows(node, tcp(POD, CLIENT, 80, 40000, flags=0x12), from_pod(WEB_PODS[0]))
    assert [flow.event for flow in answer] == [EventType.TRACE]
    denied = Decider(cluster(network_policy(isolates=INGRESS)))
    told = flows(denied, tcp(CLIENT, POD), ME)
    assert [flow.event for flow in told] == [EventType.POLICY_VERDICT, EventType.DROP]
