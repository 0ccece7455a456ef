from dataclasses import replace

import pytest

from netcore.conntrack.entry import ConntrackEntry
from netcore.conntrack.timeouts import FlowState
from netcore.conntrack.tuple import FlowTuple
from netcore.model.address import packed, parse_address, text
from netcore.model.config import MASQUERADE_PORTS
from netcore.model.service import ServicePort
from netcore.packet.protocols import TCP_FIN, TCP_SYN
from netcore.pipeline.context import FromHost
from netcore.pipeline.trace import Stage
from netcore.pipeline.verdict import Deliver, Drop, DropReason, Encap, ToHost
from tests.support.cluster import (
    CLIENT,
    CLIENT6,
    CLIENT_POD,
    GATEWAY,
    GATEWAY6,
    NODE1,
    NODE1_6,
    OUTSIDE,
    OUTSIDE6,
    WEB,
    WEB6,
    WEB_PODS,
    cluster,
    from_node,
    from_pod,
    node,
    pod,
    slice_of,
)
from tests.support.cluster import service as service_of
from tests.support.decider import Decider
from tests.support.frames import PEER, POD, POD6, echo, icmp, ip, tcp, udp, wrong_checksums

ME = from_pod(CLIENT_POD)
WEB1 = from_pod(WEB_PODS[0])
NO_MAPPING = Drop(DropReason.NO_MAPPING_FOR_NAT_MASQUERADE)


@pytest.mark.parametrize(
    ("pod", "service", "gateway"), [(POD, WEB, GATEWAY), (POD6, WEB6, GATEWAY6)]
)
def test_hairpin_a_pod_reaches_itself_through_its_service(node1, pod, service, gateway):
    there = node1.send(tcp(pod, service), WEB1)
    assert there.verdict == Deliver(pod)
    assert there.ends == (gateway, 61000, pod, 8080)
    assert "hairpin" in there.why(Stage.MASQUERADE)
    back = node1.send(tcp(pod, gateway, 8080, 61000, flags=0x12), WEB1)
    assert back.verdict == Deliver(pod)
    assert back.ends == (service, 80, pod, 40000)
    assert wrong_checksums(there.frame) == wrong_checksums(back.frame) == []


@pytest.mark.parametrize(
    ("pod", "outside", "own"), [(CLIENT, OUTSIDE, NODE1), (CLIENT6, OUTSIDE6, NODE1_6)]
)
def test_what_leaves_the_cluster_has_the_nodes_address(node1, pod, outside, own):
    there = node1.send(tcp(pod, outside), ME)
    assert there.verdict == ToHost()
    assert there.ends == (own, 61000, outside, 80)
    assert there.decision.entry.is_snat
    back = node1.send(tcp(outside, own, 80, 61000, flags=0x12), FromHost())
    assert back.verdict == Deliver(pod)
    assert back.ends == (outside, 80, pod, 40000)
    assert wrong_checksums(there.frame) == wrong_checksums(back.frame) == []


@pytest.mark.parametrize(
    ("source", "service", "own", "policy"),
    [
        (GATEWAY, WEB, NODE1, "Cluster"),
        (GATEWAY6, WEB6, NODE1_6, "Cluster"),
        (OUTSIDE, NODE1, NODE1, "Local"),
        (OUTSIDE6, NODE1_6, NODE1_6, "Local"),
    ],
)
def test_an_endpoint_in_the_network_of_this_node(source, service, own, policy):
    """Its answer would go past the datapath, were it not for the node's address."""
    on_node1 = replace(
        pod("server", 1, 0), ips=tuple(map(parse_address, map(text, (NODE1, NODE1_6))))
    )
    node1 = Decider(
        cluster(
            exposed(external_traffic_policy=policy),
            *(slice_of("web", version, (on_node1,)) for version in (4, 6)),
        )
    )
    port = 30080 if service == own else 80
    there = node1.send(tcp(source, service, dport=port), FromHost())
    assert there.verdict == ToHost()
    assert there.ends == (own, 61000, own, 8080)
    assert "the node itself answers" in there.why(Stage.MASQUERADE)
    back = node1.send(tcp(own, own, 8080, 61000, flags=0x12), FromHost())
    assert back.verdict == ToHost()
    assert back.ends == (service, port, source, 40000)


def exposed(**fields):
    return service_of("web", 50, ports=(ServicePort("http", "TCP", 80, 30080),), **fields)


def test_pods_come_to_an_endpoint_in_the_network_of_their_node_as_themselves(node1):
    there = node1.send(tcp(CLIENT, NODE1, dport=8080), ME)
    assert there.ends == (CLIENT, 40000, NODE1, 8080)


def test_two_flows_do_not_share_a_port(node1):
    first = node1.send(tcp(CLIENT, OUTSIDE), ME)
    second = node1.send(tcp(POD, OUTSIDE), WEB1)
    elsewhere = node1.send(tcp(POD, packed("192.0.2.81")), WEB1)
    assert [each.packet.src_port for each in (first, second, elsewhere)] == [61000, 61001, 61000]


def test_the_port_is_drawn_by_lot_and_wraps_around():
    node1 = Decider(cluster(), random_below=lambda n: n - 1)
    assert node1.send(tcp(CLIENT, OUTSIDE), ME).packet.src_port == 65534
    assert node1.send(tcp(POD, OUTSIDE), WEB1).packet.src_port == 61000


@pytest.mark.parametrize(("pod", "outside"), [(CLIENT, OUTSIDE), (CLIENT6, OUTSIDE6)])
def test_an_echo_gets_another_identifier(node1, pod, outside):
    there = node1.send(echo(pod, outside, 7), ME)
    assert there.packet.src_port == 61000
    reply_type = 0 if len(pod) == 4 else 129
    own = NODE1 if len(pod) == 4 else NODE1_6
    answer = icmp(outside, own, reply_type, rest=61000 << 16 | 1, body=b"ping")
    back = node1.send(answer, FromHost())
    assert back.verdict == Deliver(pod)
    assert (back.packet.dst, back.packet.src_port) == (pod, 7)
    assert wrong_checksums(there.frame) == wrong_checksums(back.frame) == []


@pytest.mark.parametrize(
    ("there", "back"),
    [
        (ip(CLIENT, OUTSIDE, 47, bytes(8)), ip(OUTSIDE, NODE1, 47, bytes(8))),
        (icmp(CLIENT, OUTSIDE, 13, body=bytes(12)), icmp(OUTSIDE, NODE1, 14, body=bytes(12))),
        (icmp(CLIENT6, OUTSIDE6, 144), icmp(OUTSIDE6, NODE1_6, 145)),
    ],
)
def test_protocols_without_ports_are_told_apart_by_their_ends(node1, there, back):
    outcome = node1.send(there, ME)
    assert outcome.verdict == ToHost()
    assert outcome.ends == (NODE1 if len(outcome.packet.src) == 4 else NODE1_6, 0,
                            outcome.packet.dst, 0)  # fmt: skip
    answer = node1.send(back, FromHost())
    assert answer.verdict == Deliver(CLIENT if len(outcome.packet.src) == 4 else CLIENT6)


def test_a_second_pod_cannot_share_a_protocol_without_ports(node1):
    node1.send(ip(CLIENT, OUTSIDE, 47, bytes(8)), ME)
    assert node1.send(ip(POD, OUTSIDE, 47, bytes(8)), WEB1).verdict == NO_MAPPING


@pytest.mark.parametrize("target", [GATEWAY, NODE1])
def test_the_node_itself_sees_the_pods_own_address(node1, target):
    outcome = node1.send(tcp(CLIENT, target), ME)
    assert outcome.ends == (CLIENT, 40000, target, 80)
    assert Stage.MASQUERADE not in outcome.stages


def test_pods_see_one_another(node1):
    assert node1.send(tcp(CLIENT, POD), ME).packet.src == CLIENT
    assert node1.send(tcp(CLIENT, PEER), ME).packet.src == CLIENT


def test_the_nodes_own_address_stays(node1):
    assert node1.send(tcp(NODE1, OUTSIDE), FromHost()).packet.src == NODE1


def test_tunnelled_packets_to_the_node_keep_their_source(node1):
    assert node1.send(tcp(PEER, GATEWAY), from_node(2)).packet.src == PEER


def test_without_a_free_port_the_packet_is_dropped(node1):
    for port in MASQUERADE_PORTS:
        flow = FlowTuple(6, POD, port, OUTSIDE, 80)
        taken = ConntrackEntry(flow, FlowTuple(6, OUTSIDE, 80, NODE1, port), FlowState.ESTABLISHED)
        assert node1.flows.insert(taken, node1.now_s)
    outcome = node1.send(tcp(CLIENT, OUTSIDE), ME)
    assert outcome.verdict == NO_MAPPING
    assert "no address or port is free" in outcome.why(Stage.MASQUERADE)


def test_without_an_address_of_the_family_the_packet_is_dropped():
    node1 = Decider(cluster(node(1, underlay_addresses=node(1).underlay_addresses[:1])))
    assert node1.send(tcp(CLIENT6, OUTSIDE6), ME).verdict == NO_MAPPING


@pytest.mark.parametrize("build", [tcp, udp])
def test_a_flow_with_the_answers_of_another_gets_another_port(node1, build):
    """One client port towards an endpoint, directly and through its Service at once."""
    ports = {tcp: (80, 8080), udp: (53, 5353)}[build]
    direct = node1.send(build(CLIENT, POD, 40000, ports[1]), ME)
    translated = node1.send(build(CLIENT, WEB, 40000, ports[0]), ME)
    assert direct.ends == (CLIENT, 40000, POD, ports[1])
    assert translated.ends == (CLIENT, 61000, POD, ports[1])
    assert "another flow expects the same answers" in translated.why(Stage.MASQUERADE)
    assert node1.send(build(POD, CLIENT, ports[1], 40000), WEB1).ends == (
        POD,
        ports[1],
        CLIENT,
        40000,
    )
    assert node1.send(build(POD, CLIENT, ports[1], 61000), WEB1).ends == (
        WEB,
        ports[0],
        CLIENT,
        40000,
    )


def test_a_direct_flow_after_the_translated_one_gets_another_port_too(node1):
    node1.send(tcp(CLIENT, WEB), ME)
    direct = node1.send(tcp(CLIENT, POD, 40000, 8080), ME)
    assert direct.ends == (CLIENT, 61000, POD, 8080)
    back = node1.send(tcp(POD, CLIENT, 8080, 61000, flags=0x12), WEB1)
    assert back.ends == (POD, 8080, CLIENT, 40000)


def test_a_flow_that_is_opened_anew_does_not_stand_in_its_own_way(node1):
    first = node1.send(tcp(CLIENT, PEER), ME)
    for reply in (False, True):
        node1.flows.refresh(first.decision.entry, node1.now_s, TCP_FIN, is_reply=reply)
    again = node1.send(tcp(CLIENT, PEER, flags=TCP_SYN), ME)
    assert again.decision.replaces is first.decision.entry
    assert isinstance(again.verdict, Encap)
    assert again.ends == (CLIENT, 40000, PEER, 80)
