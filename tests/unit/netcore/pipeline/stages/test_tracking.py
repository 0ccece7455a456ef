import pytest

from netcore.conntrack.timeouts import FlowState
from netcore.model.address import packed
from netcore.packet.packet import QuotedTuple, parse_packet
from netcore.packet.protocols import TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN
from netcore.pipeline.context import Context, FromHost
from netcore.pipeline.passage import Passage
from netcore.pipeline.stages.tracking import flow_of, follow_related_error, format_flow
from netcore.pipeline.trace import Stage
from netcore.pipeline.verdict import (
    Deliver,
    Drop,
    DropReason,
    Encap,
    Reject,
    RejectKind,
    ToHost,
)
from netcore.service.balancing import BalancingTable
from tests.support.cluster import (
    CLIENT,
    CLIENT6,
    CLIENT_POD,
    EMPTY,
    GATEWAY,
    NODE1,
    NODE1_6,
    OUTSIDE,
    OUTSIDE6,
    WEB,
    WEB6,
    WEB_PODS,
    from_node,
    from_pod,
)
from tests.support.decider import Decider, Outcome
from tests.support.frames import (
    PEER,
    PEER6,
    POD,
    POD6,
    echo,
    fragment,
    fragments,
    icmp,
    ip,
    reassembled,
    tcp,
    udp,
    wrong_checksums,
)

ME = from_pod(CLIENT_POD)
WEB1 = from_pod(WEB_PODS[0])


def ends(data: bytes | bytearray) -> tuple[bytes, int, bytes, int]:
    packet = parse_packet(data)
    return packet.src, packet.src_port, packet.dst, packet.dst_port


@pytest.mark.parametrize(("me", "service", "peer"), [(CLIENT, WEB, PEER), (CLIENT6, WEB6, PEER6)])
def test_an_answer_through_a_service_comes_from_the_service(node1, me, service, peer):
    node1.turn_to((service, 6, 80), 1)  # web-2 on the other node
    there = node1.send(tcp(me, service), ME)
    assert there.ends == (me, 40000, peer, 8080)
    back = node1.send(tcp(peer, me, 8080, 40000, flags=TCP_SYN | TCP_ACK), from_node(2))
    assert back.verdict == Deliver(me)
    assert back.ends == (service, 80, me, 40000)
    assert back.decision.is_reply
    assert "translated as its first packet was" in back.why(Stage.CONNTRACK)
    assert wrong_checksums(there.frame) == wrong_checksums(back.frame) == []
    assert there.decision.entry.state is FlowState.SYN_RECV


def test_a_known_flow_without_translation(node1):
    node1.send(tcp(CLIENT, PEER), ME)
    again = node1.send(tcp(CLIENT, PEER, flags=TCP_ACK), ME)
    assert again.why(Stage.CONNTRACK) == "SYN_SENT original | known flow"
    back = node1.send(tcp(PEER, CLIENT, 80, 40000, flags=TCP_ACK), from_node(2))
    assert back.why(Stage.CONNTRACK).endswith(
        "reply | an answer within flow 10.244.1.3:40000 -> 10.244.2.3:80"
    )


def finish(node: Decider, outcome: Outcome) -> None:
    entry = outcome.decision.entry
    for is_reply in (False, True):
        node.flows.refresh(entry, node.now_s, TCP_FIN | TCP_ACK, is_reply=is_reply)
    assert entry.state is FlowState.TIME_WAIT


def test_a_finished_connection_is_opened_anew_and_may_go_elsewhere(node1):
    first = node1.send(tcp(CLIENT, WEB), ME)
    finish(node1, first)
    second = node1.send(tcp(CLIENT, WEB), ME)
    assert second.decision.is_new
    assert second.decision.replaces is first.decision.entry
    assert (first.packet.dst, second.packet.dst) == (POD, PEER)
    assert list(node1.flows) == [second.decision.entry]


def test_a_late_packet_of_a_finished_connection_opens_nothing(node1):
    first = node1.send(tcp(CLIENT, WEB), ME)
    finish(node1, first)
    late = node1.send(tcp(CLIENT, WEB, flags=TCP_ACK), ME)
    assert not late.decision.is_new
    assert late.decision.entry is first.decision.entry


def test_a_reset_connection_is_opened_anew(node1):
    first = node1.send(tcp(CLIENT, PEER), ME)
    node1.send(tcp(PEER, CLIENT, 80, 40000, flags=TCP_RST | TCP_ACK), from_node(2))
    assert first.decision.entry.state is FlowState.CLOSE
    assert node1.send(tcp(CLIENT, PEER), ME).decision.is_new


def test_a_later_fragment_without_its_first_one_belongs_to_no_flow(node1):
    node1.send(udp(CLIENT, PEER), ME)
    later = node1.send(ip(CLIENT, PEER, 17, bytes(16), fragment_offset=1480), ME)
    assert isinstance(later.verdict, Encap)
    assert later.decision.entry is None
    assert Stage.CONNTRACK not in later.stages


# Fragments: those after the first have no ports, and go where the first one went.


LARGE = bytes(range(256)) * 20


@pytest.mark.parametrize(
    ("me", "service", "pod", "peer"), [(CLIENT, WEB, POD, PEER), (CLIENT6, WEB6, POD6, PEER6)]
)
@pytest.mark.parametrize("turn", [0, 1])
def test_a_fragmented_query_and_answer_through_a_service(node1, me, service, pod, peer, turn):
    node1.turn_to((service, 17, 53), turn)
    backend, far = (peer, from_node(2)) if turn else (pod, WEB1)
    query = fragments(udp(me, service, data=LARGE), 1400)
    there = [node1.send(part, ME) for part in query]
    assert len(there) == 4
    assert {type(each.verdict) for each in there} == {Encap if turn else Deliver}
    arrived = reassembled([each.frame for each in there])
    assert arrived[-len(LARGE) :] == LARGE
    assert ends(arrived) == (me, 40000, backend, 5353)
    answer = fragments(udp(backend, me, 5353, 40000, LARGE), 1400)
    back = [node1.send(part, far) for part in answer]
    assert {each.verdict for each in back} == {Deliver(me)}
    returned = reassembled([each.frame for each in back])
    assert ends(returned) == (service, 53, me, 40000)
    assert wrong_checksums(arrived) == wrong_checksums(returned) == []
    (entry,) = node1.flows
    assert {each.decision.entry for each in there + back} == {entry}


@pytest.mark.parametrize(
    ("me", "outside", "own"), [(CLIENT, OUTSIDE, NODE1), (CLIENT6, OUTSIDE6, NODE1_6)]
)
@pytest.mark.parametrize("build", [udp, tcp, echo])
def test_fragments_out_of_the_cluster_and_back(node1, me, outside, own, build):
    there = [node1.send(part, ME) for part in fragments(build(me, outside, data=LARGE[:1000]), 400)]
    assert {each.verdict for each in there} == {ToHost()}
    left = reassembled([each.frame for each in there])
    (src, port, dst, dport) = ends(left)
    assert (src, port, dst) == (own, 61000, outside)
    answer = build(outside, own, *((61000,) if build is echo else (dport, port)), data=LARGE)
    back = [node1.send(part, FromHost()) for part in fragments(answer, 1400)]
    assert {each.verdict for each in back} == {Deliver(me)}
    returned = reassembled([each.frame for each in back])
    assert ends(returned)[0::2] == (outside, me)
    assert wrong_checksums(left) == wrong_checksums(returned) == []


def test_fragments_of_a_pod_that_reaches_itself(node1):
    there = [node1.send(part, WEB1) for part in fragments(udp(POD, WEB, data=LARGE), 1400)]
    assert ends(reassembled([each.frame for each in there])) == (GATEWAY, 61000, POD, 5353)
    answer = udp(POD, GATEWAY, 5353, 61000, LARGE)
    back = [node1.send(part, WEB1) for part in fragments(answer, 1400)]
    assert ends(reassembled([each.frame for each in back])) == (WEB, 53, POD, 40000)


def test_a_later_fragment_says_whom_it_follows(node1):
    first, later, *_ = fragments(udp(CLIENT, WEB, data=LARGE), 1400, identification=4660)
    sent = node1.send(first, ME)
    assert sent.decision.is_first_fragment
    followed = node1.send(later, ME)
    assert not followed.decision.is_first_fragment
    assert followed.stages == [Stage.ANTI_SPOOF, Stage.CONNTRACK, Stage.ROUTE, Stage.DELIVER]
    assert followed.why(Stage.CONNTRACK) == (
        "fragment 4660 at 1400 | continues a datagram of flow 10.244.1.3:40000 -> 10.96.0.50:53; "
        "translated as its first fragment was"
    )


def test_a_later_fragment_of_an_untranslated_flow_is_part_of_it(node1):
    first, later, *_ = fragments(udp(CLIENT, PEER, data=LARGE), 1400)
    entry = node1.send(first, ME).decision.entry
    followed = node1.send(later, ME)
    assert followed.decision.entry is entry
    assert followed.why(Stage.CONNTRACK).endswith("flow 10.244.1.3:40000 -> 10.244.2.3:53")


@pytest.mark.parametrize(
    ("changed", "identification"),
    [({}, 8), ({"src": POD}, 7), ({"dst": EMPTY}, 7), ({"protocol": 6}, 7)],
)
def test_datagrams_are_not_mixed_up(node1, changed, identification):
    node1.send(fragments(udp(CLIENT, WEB, data=LARGE), 1400)[0], ME)
    what = {"src": CLIENT, "dst": WEB, "protocol": 17, **changed}
    other = fragment(
        **what, piece=bytes(64), offset=1400, more=False, identification=identification
    )
    outcome = node1.send(other, WEB1 if what["src"] == POD else ME)
    assert outcome.verdict == Drop(DropReason.IP_FRAGMENTATION_NOT_SUPPORTED)


def test_ipv6_fragments_may_differ_in_what_they_say_comes_next(node1):
    """RFC 8200 4.5: behind a first fragment's header there may be further extensions."""
    options = bytes((17, 0, 1, 4, 0, 0, 0, 0))  # destination options: PadN
    datagram = options + bytes(udp(CLIENT6, WEB6, data=LARGE)[54:])
    first = fragment(CLIENT6, WEB6, 60, datagram[:1400], 0, more=True)
    later = fragment(CLIENT6, WEB6, 60, datagram[1400:2800], 1400, more=True)
    assert node1.send(first, ME).packet.dst == POD6
    assert node1.send(later, ME).packet.dst == POD6


def test_a_datagram_that_was_refused_leaves_nothing_to_follow(node1):
    first, later, *_ = fragments(udp(CLIENT, EMPTY, data=LARGE), 1400)
    outcome = node1.send(first, ME)
    assert (type(outcome.verdict), outcome.decision.is_first_fragment) == (Reject, False)
    assert node1.send(later, ME).verdict == Drop(DropReason.IP_FRAGMENTATION_NOT_SUPPORTED)


def test_a_fragment_does_not_outlive_its_flow(node1):
    first, later, *_ = fragments(udp(CLIENT, WEB, data=LARGE), 1400)
    node1.flows.remove(node1.send(first, ME).decision.entry)
    assert node1.send(later, ME).verdict == Drop(DropReason.IP_FRAGMENTATION_NOT_SUPPORTED)


@pytest.mark.parametrize(("me", "outside"), [(CLIENT, OUTSIDE), (CLIENT6, OUTSIDE6)])
def test_no_fragment_leaves_the_cluster_with_a_pods_address(node1, me, outside):
    first, early, *_ = fragments(udp(me, outside, data=LARGE), 1400)
    refused = node1.send(early, ME)
    assert refused.verdict == Drop(DropReason.IP_FRAGMENTATION_NOT_SUPPORTED)
    assert "its first fragment is not known" in refused.why(Stage.MASQUERADE)
    node1.send(first, ME)
    assert node1.send(early, ME).packet.src in (NODE1, NODE1_6)


def test_fragments_for_the_node_itself_are_its_own(node1):
    """Whether they answer a pod only their first one could tell; the node waits for that."""
    for target, ingress in ((GATEWAY, ME), (NODE1, ME)):
        later = fragment(CLIENT, target, 17, bytes(64), 1400, more=False)
        assert node1.send(later, ingress).verdict == ToHost()
    later = fragment(OUTSIDE, NODE1, 17, bytes(64), 1400, more=False)
    assert node1.send(later, FromHost()).verdict == ToHost()


@pytest.mark.parametrize(("me", "peer"), [(CLIENT, PEER), (CLIENT6, PEER6)])
def test_later_fragments_are_limited_like_any_packet(node1, me, peer):
    later = fragment(me, peer, 17, bytes(64), 1400, more=False, ttl=1)
    assert node1.send(later, ME).verdict == Reject(RejectKind.TIME_EXCEEDED)


# ICMP errors: what they quote must be what the reader of the error sent.


def port_unreachable(source: bytes, target: bytes, quoted: bytes | bytearray) -> bytearray:
    kind, code = (3, 3) if len(source) == 4 else (1, 4)
    return icmp(source, target, kind, code, body=bytes(quoted[14 : 14 + 60]))


@pytest.mark.parametrize(("me", "service", "peer"), [(CLIENT, WEB, PEER), (CLIENT6, WEB6, PEER6)])
def test_an_endpoints_error_looks_like_the_services(node1, me, service, peer):
    node1.turn_to((service, 17, 53), 1)
    there = node1.send(udp(me, service), ME)
    assert there.ends == (me, 40000, peer, 5353)
    error = node1.send(port_unreachable(peer, me, there.frame), from_node(2))
    assert error.verdict == Deliver(me)
    assert error.packet.src == service
    assert error.packet.quoted == QuotedTuple(17, me, service, 40000, 53)
    assert "an error about" in error.why(Stage.CONNTRACK)
    assert error.decision.entry is None
    assert len(node1.flows) == 1
    assert wrong_checksums(error.frame) == []


def test_a_routers_error_on_the_way_keeps_its_source(node1):
    node1.turn_to((WEB, 17, 53), 1)
    there = node1.send(udp(CLIENT, WEB), ME)
    gateway2 = packed("10.244.2.1")
    error = node1.send(icmp(gateway2, CLIENT, 11, body=bytes(there.frame[14:74])), from_node(2))
    assert error.packet.src == gateway2
    assert error.packet.quoted == QuotedTuple(17, CLIENT, WEB, 40000, 53)


def test_a_pod_behind_a_tunnel_is_no_router(node1):
    """Its error about a connection of others is judged by policies as what it is: its own."""
    node1.send(udp(PEER, CLIENT, 40000, 5353), from_node(2))
    other = packed("10.244.2.77")
    quoted = udp(CLIENT, PEER, 5353, 40000)
    forged = node1.send(icmp(other, CLIENT, 3, 4, body=bytes(quoted[14:74])), from_node(2))
    assert Stage.CONNTRACK not in forged.stages
    own = node1.send(icmp(PEER, CLIENT, 3, 4, body=bytes(quoted[14:74])), from_node(2))
    assert Stage.CONNTRACK in own.stages


def test_an_error_from_outside_reaches_the_pod_behind_the_masquerade(node1):
    there = node1.send(udp(CLIENT, OUTSIDE), ME)
    assert there.packet.src == NODE1
    error = node1.send(port_unreachable(OUTSIDE, NODE1, there.frame), FromHost())
    assert error.verdict == Deliver(CLIENT)
    assert (error.packet.src, error.packet.dst) == (OUTSIDE, CLIENT)
    assert error.packet.quoted == QuotedTuple(17, CLIENT, OUTSIDE, 40000, 53)
    assert wrong_checksums(error.frame) == []


def test_a_pods_error_about_an_answer_from_outside_is_masqueraded(node1):
    node1.send(udp(CLIENT, OUTSIDE), ME)
    answer = node1.send(udp(OUTSIDE, NODE1, 53, 61000), FromHost())
    assert answer.verdict == Deliver(CLIENT)
    error = node1.send(port_unreachable(CLIENT, OUTSIDE, answer.frame), ME)
    assert error.verdict == ToHost()
    assert (error.packet.src, error.packet.dst) == (NODE1, OUTSIDE)
    assert error.packet.quoted == QuotedTuple(17, OUTSIDE, NODE1, 53, 61000)
    assert wrong_checksums(error.frame) == []


def test_an_error_about_a_plain_flow_is_forwarded_as_it_is(node1):
    there = node1.send(udp(CLIENT, PEER), ME)
    error = node1.send(port_unreachable(PEER, CLIENT, there.frame), from_node(2))
    assert error.verdict == Deliver(CLIENT)
    assert error.decision.quoted_rewrite is None
    assert error.packet.quoted == QuotedTuple(17, CLIENT, PEER, 40000, 53)


def test_an_error_about_an_unknown_flow_is_routed(node1):
    error = node1.send(port_unreachable(PEER, CLIENT, udp(CLIENT, PEER)), from_node(2))
    assert error.verdict == Deliver(CLIENT)
    assert error.decision.quoted_rewrite is None
    assert Stage.CONNTRACK not in error.stages


@pytest.mark.parametrize(("me", "outside"), [(CLIENT, OUTSIDE), (CLIENT6, OUTSIDE6)])
def test_no_error_about_an_unknown_flow_leaves_the_cluster_with_a_pods_address(node1, me, outside):
    error = node1.send(port_unreachable(me, outside, udp(outside, me)), ME)
    assert error.verdict == Drop(DropReason.NO_MAPPING_FOR_NAT_MASQUERADE)
    assert error.why(Stage.MASQUERADE) == (
        "icmp error | leaves the cluster, but the flow that it is about is not known"
    )


def test_an_error_about_another_pods_flow_does_not_leave_the_cluster(node1):
    node1.send(udp(CLIENT, OUTSIDE), ME)
    answer = node1.send(udp(OUTSIDE, NODE1, 53, 61000), FromHost())
    forged = node1.send(port_unreachable(POD, OUTSIDE, answer.frame), WEB1)
    assert forged.verdict == Drop(DropReason.NO_MAPPING_FOR_NAT_MASQUERADE)
    assert Stage.CONNTRACK not in forged.stages


def test_an_error_about_a_connection_that_came_from_outside_leaves_as_the_pods(node1):
    there = node1.send(udp(OUTSIDE, CLIENT), FromHost())
    error = node1.send(port_unreachable(CLIENT, OUTSIDE, there.frame), ME)
    assert error.verdict == ToHost()
    assert error.packet.src == CLIENT


def test_a_nodes_own_error_about_a_packet_that_it_refused_goes_to_another_node(node1):
    """Nothing was tracked: the packet was refused. Its sender must hear of it all the same."""
    error = node1.send(port_unreachable(GATEWAY, PEER, udp(PEER, CLIENT)), FromHost())
    assert isinstance(error.verdict, Encap)


def test_an_error_about_a_hairpinned_packet(node1):
    there = node1.send(udp(POD, WEB), WEB1)
    assert there.ends == (GATEWAY, 61000, POD, 5353)
    error = node1.send(port_unreachable(POD, GATEWAY, there.frame), WEB1)
    assert error.verdict == Deliver(POD)
    assert (error.packet.src, error.packet.dst) == (WEB, POD)
    assert error.packet.quoted == QuotedTuple(17, POD, WEB, 40000, 53)


def test_an_error_about_an_echo(node1):
    there = node1.send(echo(CLIENT, OUTSIDE, 7), ME)
    error = node1.send(port_unreachable(OUTSIDE, NODE1, there.frame), FromHost())
    assert error.verdict == Deliver(CLIENT)
    assert error.packet.quoted == QuotedTuple(1, CLIENT, OUTSIDE, 7, 7)


@pytest.mark.parametrize(("me", "peer"), [(CLIENT, PEER), (CLIENT6, PEER6)])
def test_errors_are_limited_like_any_packet(node1, me, peer):
    there = node1.send(udp(me, peer), ME)
    error = port_unreachable(peer, me, there.frame)
    error[14 + (8 if len(me) == 4 else 7)] = 1  # TTL
    assert type(node1.send(error, from_node(2)).verdict).__name__ == "Reject"


def test_only_errors_are_related(node1):
    packet = parse_packet(udp(CLIENT, PEER))
    ctx = Context(ME, 1.0, BalancingTable(), lambda n: 0)
    passage = Passage(
        node1.snapshot, node1.flows, packet, ctx, None, flow_of(packet), flow_of(packet)
    )
    assert follow_related_error(passage) is None


def test_flows_in_words(node1):
    outcome = node1.send(tcp(POD6, PEER6), WEB1)
    entry = outcome.decision.entry
    assert format_flow(entry.original) == "[fd00:10:244:1::2]:40000 -> [fd00:10:244:2::3]:80"


def test_a_reset_begins_no_flow_and_is_not_translated(node1):
    """Its answer to a denied connection would else be taken for one by the next client."""
    stray = node1.send(tcp(POD, PEER, 80, 40000, flags=TCP_RST), WEB1)
    assert isinstance(stray.verdict, Encap)
    assert stray.decision.entry is None
    assert node1.send(tcp(POD, WEB, flags=TCP_RST), WEB1).verdict == Drop(
        DropReason.SERVICE_BACKEND_NOT_FOUND
    )
    out = node1.send(tcp(POD, OUTSIDE, flags=TCP_RST | TCP_ACK), WEB1)
    assert out.verdict == Drop(DropReason.NO_MAPPING_FOR_NAT_MASQUERADE)
    assert "not known" in out.why(Stage.MASQUERADE)
