import pytest

from netcore.model.address import packed
from netcore.pipeline.context import FromHost
from netcore.pipeline.trace import Stage
from netcore.pipeline.verdict import Deliver, Drop, DropReason, Encap, Reject, RejectKind, ToHost
from tests.support.cluster import (
    CLIENT,
    CLIENT6,
    CLIENT_POD,
    GATEWAY,
    GATEWAY6,
    NODE1,
    NODE1_6,
    NODE2,
    OUTSIDE,
    OUTSIDE6,
    cluster,
    from_node,
    from_pod,
    node,
    pod,
    vtep_mac,
)
from tests.support.decider import Decider
from tests.support.frames import PEER, PEER6, POD, POD6, tcp

ME = from_pod(CLIENT_POD)
UNREACHABLE = Reject(RejectKind.HOST_UNREACHABLE)


def to(target: bytes) -> bytearray:
    return tcp(CLIENT if len(target) == 4 else CLIENT6, target)


@pytest.mark.parametrize("target", [POD, POD6])
def test_pods_of_the_same_node_are_delivered_to(node1, target):
    outcome = node1.send(to(target), ME)
    assert outcome.verdict == Deliver(target)
    assert outcome.stages[-2:] == [Stage.ROUTE, Stage.DELIVER]
    assert "pod default/web-1 is here" in outcome.why(Stage.ROUTE)


@pytest.mark.parametrize("target", [PEER, PEER6])
def test_pods_of_another_node_are_reached_through_its_vtep(node1, target):
    outcome = node1.send(to(target), ME)
    assert outcome.verdict == Encap("node2", NODE2, vtep_mac(2))
    assert outcome.stages[-2:] == [Stage.ROUTE, Stage.ENCAP]
    assert outcome.why(Stage.ENCAP) == "vni 1 to 172.18.0.12 | VXLAN over UDP to node node2"


@pytest.mark.parametrize("target", [GATEWAY, GATEWAY6, NODE1, NODE1_6])
def test_the_node_itself(node1, target):
    outcome = node1.send(to(target), ME)
    assert outcome.verdict == ToHost()
    assert "the node itself" in outcome.why(Stage.ROUTE)
    assert outcome.packet.ttl == 64  # it has arrived: nobody routes it on


@pytest.mark.parametrize("target", [OUTSIDE, OUTSIDE6, NODE2])
def test_everything_else_leaves_through_the_node(node1, target):
    outcome = node1.send(to(target), ME)
    assert outcome.verdict == ToHost()
    assert "outside the cluster's ranges" in outcome.why(Stage.ROUTE)


@pytest.mark.parametrize("target", ["10.244.1.99", "fd00:10:244:1::99"])
def test_nobody_at_an_address_of_the_nodes_own_cidr(node1, target):
    outcome = node1.send(to(packed(target)), ME)
    assert outcome.verdict == UNREACHABLE
    assert f"no pod of this node has {target}" in outcome.why(Stage.ROUTE)


def test_a_pod_that_lives_elsewhere_under_a_local_address_is_not_here():
    node1 = Decider(cluster(pod("moved", 1, 77, node_name="node2")))
    assert node1.send(to(packed("10.244.1.77")), ME).verdict == UNREACHABLE


@pytest.mark.parametrize("target", ["10.244.200.1", "fd00:10:244:200::1"])
def test_nobodys_pod_cidr(node1, target):
    outcome = node1.send(to(packed(target)), ME)
    assert outcome.verdict == UNREACHABLE
    assert "belongs to no node's pod CIDR" in outcome.why(Stage.ROUTE)


@pytest.mark.parametrize("missing", [{"vtep_mac": b""}, {"underlay_addresses": ()}])
def test_a_node_that_has_not_named_its_vtep(missing):
    node1 = Decider(cluster(node(2, **missing)))
    outcome = node1.send(to(PEER), ME)
    assert outcome.verdict == Drop(DropReason.NO_TUNNEL_OR_ENCAPSULATION_ENDPOINT)
    assert "has not named its VTEP yet" in outcome.why(Stage.ROUTE)


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("10.244.3.2", "not sent on into another tunnel"),
        ("192.0.2.80", "does not leave the cluster from here"),
    ],
)
def test_a_tunnel_ends_here(node1, target, why):
    outcome = node1.send(tcp(PEER, packed(target)), from_node(2))
    assert outcome.verdict == Drop(DropReason.FIB_LOOKUP_FAILED)
    assert why in outcome.why(Stage.ROUTE)


def test_a_tunnel_reaches_the_node_itself(node1):
    assert node1.send(tcp(PEER, GATEWAY), from_node(2)).verdict == ToHost()


@pytest.mark.parametrize(
    ("target", "expected"), [(POD, Deliver), (PEER, Encap), (packed("10.244.1.99"), Reject)]
)
def test_the_node_reaches_pods(node1, target, expected):
    assert isinstance(node1.send(tcp(GATEWAY, target), FromHost()).verdict, expected)


def test_a_refused_packet_leaves_no_flow(node1):
    node1.send(to(packed("10.244.1.99")), ME)
    assert len(node1.flows) == 0
