from ipaddress import ip_address

import pytest

from netcore.model.address import packed, text
from netcore.model.config import VXLAN_PORT
from netcore.model.endpoint import Endpoint, EndpointPort, EndpointSlice
from netcore.model.service import ServicePort
from netcore.pipeline.context import FromHost, FromTunnel
from netcore.pipeline.trace import Stage
from netcore.pipeline.verdict import Deliver, Drop, DropReason, Encap, Reply, ToHost
from tests.support.cluster import (
    CLIENT,
    NODE2,
    OUTSIDE,
    WEB_PODS,
    cluster,
    from_node,
    from_pod,
    service,
)
from tests.support.decider import Decider
from tests.support.frames import PEER, PEER6, POD, POD6, echo, tcp, udp

WEB1 = from_pod(WEB_PODS[0])
BAD_SOURCE = Drop(DropReason.INVALID_SOURCE_IP)


@pytest.mark.parametrize("ends", [(POD, PEER), (POD6, PEER6)])
def test_a_pod_may_use_each_of_its_addresses(node1, ends):
    outcome = node1.send(echo(*ends), WEB1)
    assert isinstance(outcome.verdict, Encap)
    assert outcome.stages[0] is Stage.ANTI_SPOOF


@pytest.mark.parametrize(
    ("source", "target"),
    [(CLIENT, PEER), (OUTSIDE, PEER), (packed("fe80::1"), PEER6), (b"\0\0\0\0", PEER)],
)
def test_a_pod_may_not_use_another_source(node1, source, target):
    outcome = node1.send(tcp(source, target), WEB1)
    assert outcome.verdict == BAD_SOURCE
    assert outcome.stages == [Stage.ANTI_SPOOF]
    assert "is not this pod's address" in outcome.why(Stage.ANTI_SPOOF)
    assert len(node1.flows) == 0


def test_a_pod_may_not_use_another_mac(node1):
    data = tcp()
    data[6:12] = b"\x02\0\0\0\0\x99"
    outcome = node1.send_raw(data, WEB1)
    assert outcome.verdict == Drop(DropReason.INVALID_SOURCE_MAC)
    assert "02:00:00:00:00:99 is not this pod's MAC" in outcome.why(Stage.ANTI_SPOOF)


@pytest.mark.parametrize("ends", [(PEER, POD), (PEER6, POD6)])
def test_a_tunnel_carries_the_far_nodes_pods(node1, ends):
    outcome = node1.send(tcp(*ends), from_node(2))
    assert outcome.verdict == Deliver(ends[1])
    assert "decapsulated from 172.18.0.12" in outcome.why(Stage.ANTI_SPOOF)


@pytest.mark.parametrize("source", [CLIENT, OUTSIDE, NODE2, packed("10.96.0.50")])
def test_a_tunnel_carries_nobody_else(node1, source):
    outcome = node1.send(tcp(source, POD), from_node(2))
    assert outcome.verdict == BAD_SOURCE
    assert "is not in that node's pod CIDRs" in outcome.why(Stage.ANTI_SPOOF)


def test_a_node_may_not_send_for_another_nodes_pods(node1):
    assert node1.send(tcp(PEER, POD), from_node(3)).verdict == BAD_SOURCE


def test_a_stranger_has_no_tunnel(node1):
    outcome = node1.send(tcp(PEER, POD), FromTunnel(OUTSIDE))
    assert outcome.verdict == Drop(DropReason.NO_TUNNEL_OR_ENCAPSULATION_ENDPOINT)
    assert "192.0.2.80 is no node of this cluster" in outcome.why(Stage.ANTI_SPOOF)


def test_the_host_is_believed(node1):
    outcome = node1.send(tcp(OUTSIDE, POD), FromHost())
    assert outcome.verdict == Deliver(POD)
    assert Stage.ANTI_SPOOF not in outcome.stages
    assert not isinstance(outcome.verdict, Reply)


def test_a_pod_may_not_encapsulate(node1):
    """Else what it wraps would come out at the other node as another pod's."""
    outcome = node1.send(udp(POD, NODE2, dport=VXLAN_PORT), WEB1)
    assert outcome.verdict == Drop(DropReason.ENCAP_PROHIBITED)
    assert "only nodes do" in outcome.hops[-1].why
    assert len(node1.flows) == 0


def test_nor_by_a_service_that_leads_to_a_node():
    port = ServicePort("tunnel", "UDP", 53, 0)
    behind = EndpointSlice(
        "default",
        "tunnel",
        "tunnel",
        ports=(EndpointPort("tunnel", "UDP", VXLAN_PORT),),
        endpoints=(Endpoint((ip_address(text(NODE2)),)),),
    )
    node1 = Decider(cluster(service("tunnel", 99, ports=(port,)), behind))
    outcome = node1.send(udp(POD, packed("10.96.0.99"), dport=53), WEB1)
    assert outcome.verdict == Drop(DropReason.ENCAP_PROHIBITED)


@pytest.mark.parametrize(("target", "port"), [(OUTSIDE, VXLAN_PORT), (NODE2, 4788)])
def test_other_datagrams_to_nodes_and_elsewhere_pass(node1, target, port):
    assert isinstance(node1.send(udp(POD, target, dport=port), WEB1).verdict, ToHost)
