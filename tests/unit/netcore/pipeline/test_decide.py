"""The whole way of a packet: order of stages, what a Decision carries, what is left unchanged."""

from itertools import pairwise

import pytest

from netcore.conntrack.table import ConntrackTable
from netcore.conntrack.timeouts import FlowState
from netcore.packet.ipv6 import FragmentHeader
from netcore.packet.packet import parse_packet
from netcore.packet.protocols import PROTOCOL_UDP, TCP_ACK, TCP_FIN
from netcore.packet.rewrite import Rewrite
from netcore.pipeline.context import Context, FromHost
from netcore.pipeline.decide import decide
from netcore.pipeline.trace import Stage
from netcore.pipeline.verdict import Deliver, Drop, DropReason, Encap, ToHost
from netcore.service.balancing import BalancingTable, NextTurn
from tests.support.cluster import (
    CLIENT,
    CLIENT6,
    CLIENT_POD,
    OUTSIDE,
    WEB,
    WEB_PODS,
    cluster,
    from_node,
    from_pod,
)
from tests.support.decider import Decider
from tests.support.frames import PEER, PEER6, POD, POD6, echo, frame, ip, sctp, tcp, udp

ME = from_pod(CLIENT_POD)
WEB1 = from_pod(WEB_PODS[0])


def test_the_stages_of_a_first_packet_through_a_service(node1):
    node1.turn_to((WEB, 6, 80), 1)
    assert node1.send(tcp(CLIENT, WEB), ME).stages == [
        Stage.ANTI_SPOOF,
        Stage.SERVICE,
        Stage.ROUTE,
        Stage.ENCAP,
    ]


def test_the_stages_of_what_leaves_the_cluster(node1):
    stages = node1.send(tcp(CLIENT, OUTSIDE), ME).stages
    assert stages == [Stage.ANTI_SPOOF, Stage.ROUTE, Stage.MASQUERADE]


def test_the_stages_of_an_answer(node1):
    node1.send(tcp(CLIENT, PEER), ME)
    assert node1.send(tcp(PEER, CLIENT, 80, 40000, flags=0x12), from_node(2)).stages == [
        Stage.ANTI_SPOOF,
        Stage.CONNTRACK,
        Stage.ROUTE,
        Stage.DELIVER,
    ]


def test_each_hop_begins_where_the_one_before_ended(node1):
    hops = node1.send(tcp(POD, WEB), WEB1).hops
    for earlier, later in pairwise(hops):
        assert earlier.after == later.before
    assert [hop.stage for hop in hops if hop.before != hop.after] == [
        Stage.SERVICE,
        Stage.MASQUERADE,
    ]


def test_a_decision_changes_nothing(node1):
    packet = parse_packet(tcp(POD, WEB))
    flows = ConntrackTable()
    balancing = BalancingTable()
    ctx = Context(WEB1, 1.0, balancing, lambda n: 0)
    first = decide(node1.snapshot, flows, packet, ctx)
    assert decide(node1.snapshot, flows, packet, ctx).verdict == first.verdict
    assert (len(flows), balancing.turn((WEB, 6, 80))) == (0, 0)


def test_what_a_first_packet_asks_for(node1):
    decision = node1.send(tcp(CLIENT, WEB), ME).decision
    assert decision.is_new
    assert not decision.is_reply
    assert decision.balancing == (NextTurn((WEB, 6, 80), 1),)
    assert decision.rewrite == Rewrite(None, None, POD, 8080, decrement_ttl=True)
    assert decision.entry.state is FlowState.SYN_SENT


def test_a_plain_packet_only_loses_ttl(node1):
    decision = node1.send(udp(CLIENT, PEER), ME).decision
    assert decision.rewrite == Rewrite(None, None, None, None, decrement_ttl=True)
    assert decision.balancing == ()
    assert node1.send(tcp(CLIENT, POD), FromHost()).decision.rewrite is None


def full(node: Decider) -> Decider:
    node.flows = ConntrackTable(max_entries=1)
    node.send(tcp(CLIENT, PEER, 1, flags=TCP_ACK), ME)
    node.send(tcp(PEER, CLIENT, 80, 1, flags=TCP_ACK), from_node(2))
    assert node.flows.is_full
    return node


def test_a_full_table_takes_no_new_flow(node1):
    outcome = full(node1).send(tcp(CLIENT, PEER, 2), ME)
    assert outcome.verdict == Drop(DropReason.CT_MAP_INSERTION_FAILED)
    assert outcome.why(Stage.CONNTRACK).startswith("table full")


def test_a_full_table_serves_the_flows_that_it_has(node1):
    assert isinstance(full(node1).send(tcp(CLIENT, PEER, 1, flags=0x10), ME).verdict, Encap)
    assert node1.send(tcp(PEER, CLIENT, 80, 1, flags=0x12), from_node(2)).verdict == Deliver(CLIENT)


def test_a_full_table_takes_a_flow_in_the_place_of_a_finished_one(node1):
    full(node1)
    (entry,) = node1.flows
    for is_reply in (False, True):
        node1.flows.refresh(entry, node1.now_s, TCP_FIN, is_reply=is_reply)
    assert isinstance(node1.send(tcp(CLIENT, PEER, 1), ME).verdict, Encap)


def test_a_full_table_takes_a_flow_in_the_place_of_one_that_is_not_assured(node1):
    node1.flows = ConntrackTable(max_entries=1)
    node1.send(tcp(CLIENT, PEER, 1), ME)
    assert isinstance(node1.send(tcp(CLIENT, PEER, 2), ME).verdict, Encap)
    assert [entry.original.src_port for entry in node1.flows] == [2]


def test_a_packet_of_a_known_flow_that_cannot_go_on_is_not_counted_as_of_it(node1):
    """The node itself may send it to another node; what came out of a tunnel may not."""
    data = tcp(PEER, PEER)
    assert isinstance(node1.send(data, FromHost()).verdict, Encap)
    again = node1.send(data, from_node(2))
    assert again.verdict == Drop(DropReason.FIB_LOOKUP_FAILED)
    assert again.decision.entry is None


def test_first_fragments_have_ports_and_are_tracked(node1):
    data = bytes((0x9C, 0x40, 0, 53)) + (1480).to_bytes(2) + bytes(1402)
    first = ip(CLIENT, WEB, PROTOCOL_UDP, data, dont_fragment=False, more_fragments=True)
    outcome = node1.send(first, ME)
    assert outcome.verdict == Deliver(POD)
    assert outcome.ends == (CLIENT, 40000, POD, 5353)


@pytest.mark.parametrize("more", [True, False])
def test_ipv6_fragments(node1, more):
    offset = 0 if more else 1448
    header = FragmentHeader(PROTOCOL_UDP, offset, more, 7).encode()
    data = frame(
        0x86DD,
        ip(CLIENT6, PEER6, 44, header + bytes((1, 1, 2, 2)) + (64).to_bytes(2) + bytes(58))[14:],
    )
    outcome = node1.send(data, ME)
    assert isinstance(outcome.verdict, Encap)
    assert (outcome.decision.entry is not None) is more


def test_sctp_and_unknown_protocols_are_tracked_too(node1):
    assert node1.send(sctp(CLIENT, PEER), ME).decision.entry.state is FlowState.GENERIC
    known = node1.send(ip(CLIENT, PEER, 47, bytes(4)), ME).decision.entry
    back = node1.send(ip(PEER, CLIENT, 47, bytes(4)), from_node(2))
    assert back.decision.entry is known


def test_a_connection_from_one_node_to_another_end_to_end(node1, node2):
    """Each node decides by its own tables; between them only the packet travels."""
    for me, peer, source in ((POD, PEER, WEB1), (POD6, PEER6, WEB1)):
        there = node1.send(tcp(me, peer), source)
        assert isinstance(there.verdict, Encap)
        arrived = node2.send(there.frame, from_node(1))
        assert arrived.verdict == Deliver(peer)
        assert (arrived.packet.src, arrived.packet.ttl) == (me, 62)
        back = node2.send(tcp(peer, me, 80, 40000, flags=0x12), from_pod(WEB_PODS[1]))
        assert isinstance(back.verdict, Encap)
        home = node1.send(back.frame, from_node(2))
        assert home.verdict == Deliver(me)
        assert home.ends == (peer, 80, me, 40000)


def test_two_pings_at_once_with_one_identifier(node1):
    there = node1.send(echo(CLIENT, POD, 7), ME)
    back = node1.send(echo(POD, CLIENT, 7), WEB1)
    assert (there.verdict, back.verdict) == (Deliver(POD), Deliver(CLIENT))


def test_before_the_node_is_known_nothing_is_local():
    lonely = Decider(cluster(on="stranger"))
    assert lonely.send(tcp(CLIENT, OUTSIDE), FromHost()).verdict == Drop(
        DropReason.NO_MAPPING_FOR_NAT_MASQUERADE
    )
    assert lonely.send(tcp(OUTSIDE, POD), FromHost()).verdict != ToHost()
