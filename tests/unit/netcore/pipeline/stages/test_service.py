from dataclasses import replace

import pytest

from netcore.model.address import packed, parse_address
from netcore.model.endpoint import Endpoint
from netcore.packet.packet import parse_packet
from netcore.pipeline.context import FromHost
from netcore.pipeline.trace import Stage
from netcore.pipeline.verdict import Deliver, Drop, DropReason, Encap, Reject, RejectKind, ToHost
from tests.support.cluster import (
    CLIENT,
    CLIENT6,
    CLIENT_POD,
    EMPTY,
    EMPTY6,
    GATEWAY,
    WEB,
    WEB3,
    WEB6,
    cluster,
    from_node,
    from_pod,
    slice_of,
)
from tests.support.decider import Decider
from tests.support.frames import PEER, PEER6, POD, POD6, echo, ip, sctp, tcp, udp

ME = from_pod(CLIENT_POD)
REFUSED = Reject(RejectKind.PORT_UNREACHABLE)


def test_connections_go_round_robin_and_stay_where_they_began(node1):
    first = node1.send(tcp(CLIENT, WEB, 1001), ME)
    second = node1.send(tcp(CLIENT, WEB, 1002), ME)
    third = node1.send(tcp(CLIENT, WEB, 1003), ME)
    fourth = node1.send(tcp(CLIENT, WEB, 1004), ME)
    assert [each.packet.dst for each in (first, second, third, fourth)] == [POD, PEER, WEB3, POD]
    assert first.verdict == Deliver(POD)
    assert isinstance(second.verdict, Encap)
    again = node1.send(tcp(CLIENT, WEB, 1002), ME)
    assert again.ends == (CLIENT, 1002, PEER, 8080)
    assert not again.decision.is_new


def test_each_frontend_has_turns_of_its_own(node1):
    assert node1.send(tcp(CLIENT, WEB), ME).packet.dst == POD
    assert node1.send(udp(CLIENT, WEB), ME).ends == (CLIENT, 40000, POD, 5353)
    assert node1.send(tcp(CLIENT6, WEB6), ME).ends == (CLIENT6, 40000, POD6, 8080)
    assert node1.send(tcp(CLIENT6, WEB6, 2), ME).packet.dst == PEER6


def test_a_decision_alone_uses_up_no_turn(node1):
    node1.decide(parse_packet(tcp(CLIENT, WEB)), ME)
    assert node1.balancing.turn((WEB, 6, 80)) == 0


def test_the_trace_names_service_turn_and_pod(node1):
    node1.send(tcp(CLIENT, WEB, 1001), ME)
    assert node1.send(tcp(CLIENT, WEB, 1002), ME).why(Stage.SERVICE) == (
        "ClusterIP default/web:http 10.96.0.50:80 | ipvs, round robin: endpoint 2 of 3: "
        "10.244.2.3:8080 (default/web-2)"
    )


def test_the_flow_remembers_its_service(node1):
    assert node1.send(tcp(CLIENT, WEB), ME).decision.entry.service == "default/web:http"
    assert node1.send(tcp(CLIENT, PEER), ME).decision.entry.service == ""


@pytest.mark.parametrize(
    "data",
    [tcp(CLIENT, EMPTY), udp(CLIENT, EMPTY), tcp(CLIENT6, EMPTY6), udp(CLIENT6, EMPTY6)],
)
def test_without_endpoints_a_service_refuses(node1, data):
    outcome = node1.send(data, ME)
    assert outcome.verdict == REFUSED
    assert "the Service has no ready endpoint" in outcome.why(Stage.SERVICE)
    assert len(node1.flows) == 0


@pytest.mark.parametrize(
    "data",
    [
        tcp(CLIENT, WEB, dport=81),
        udp(CLIENT, WEB, dport=80),
        sctp(CLIENT, WEB, dport=80),
        tcp(CLIENT6, WEB6, dport=81),
    ],
)
def test_a_port_that_the_service_does_not_have_is_refused(node1, data):
    outcome = node1.send(data, ME)
    assert outcome.verdict == REFUSED
    assert "default/web | the Service has no port" in outcome.why(Stage.SERVICE)


@pytest.mark.parametrize("data", [echo(CLIENT, WEB), echo(CLIENT6, WEB6), ip(CLIENT, WEB, 47, b"")])
def test_a_cluster_ip_carries_nothing_but_its_ports(node1, data):
    outcome = node1.send(data, ME)
    assert outcome.verdict == Drop(DropReason.SERVICE_BACKEND_NOT_FOUND)
    assert "only carries the ports" in outcome.why(Stage.SERVICE)


@pytest.mark.parametrize("target", ["10.96.0.99", "fd00:10:96::99"])
def test_an_address_of_no_service_is_dropped(node1, target):
    source = CLIENT if "." in target else CLIENT6
    outcome = node1.send(tcp(source, packed(target)), ME)
    assert outcome.verdict == Drop(DropReason.SERVICE_BACKEND_NOT_FOUND)
    assert "no Service answers at this address" in outcome.why(Stage.ROUTE)


def test_a_later_fragment_alone_cannot_be_matched(node1):
    outcome = node1.send(ip(CLIENT, WEB, 17, bytes(64), fragment_offset=1480), ME)
    assert outcome.verdict == Drop(DropReason.IP_FRAGMENTATION_NOT_SUPPORTED)
    assert "its first fragment, which has the ports, is not known" in outcome.why(Stage.SERVICE)


def test_tunnelled_packets_were_translated_where_they_began(node1):
    outcome = node1.send(tcp(PEER, WEB), from_node(2))
    assert outcome.verdict == Drop(DropReason.SERVICE_BACKEND_NOT_FOUND)
    assert Stage.SERVICE not in outcome.stages


def test_the_node_itself_reaches_services(node1):
    outcome = node1.send(tcp(GATEWAY, WEB), FromHost())
    assert outcome.verdict == Deliver(POD)
    assert outcome.ends == (GATEWAY, 40000, POD, 8080)


def test_endpoints_may_be_outside_the_cluster():
    outside = (Endpoint((parse_address("172.18.0.2"),)),)
    node1 = Decider(cluster(slice_of("web", 4, (), endpoints=outside)))
    outcome = node1.send(tcp(CLIENT, WEB), ME)
    assert outcome.verdict == ToHost()
    assert outcome.ends == (packed("172.18.0.11"), 61000, packed("172.18.0.2"), 8080)
    hop = next(hop for hop in outcome.hops if hop.stage is Stage.SERVICE)
    assert hop.why.endswith("172.18.0.2:8080")  # no pod to name


def test_established_connections_outlive_their_endpoint(node1):
    node1.send(tcp(CLIENT, WEB), ME)
    node1.snapshot = cluster(slice_of("web", 4, ()))
    assert node1.send(tcp(CLIENT, WEB, flags=0x10), ME).packet.dst == POD
    assert node1.send(tcp(CLIENT, WEB, 2), ME).verdict == REFUSED


def test_a_changed_number_of_endpoints_keeps_the_turns_valid(node1):
    for port in range(1, 6):
        node1.send(tcp(CLIENT, WEB, port), ME)
    one = slice_of("web", 4, ())
    only = replace(one, endpoints=(Endpoint((parse_address("10.244.2.3"),)),))
    node1.snapshot = cluster(only)
    assert node1.send(tcp(CLIENT, WEB, 6), ME).packet.dst == PEER
