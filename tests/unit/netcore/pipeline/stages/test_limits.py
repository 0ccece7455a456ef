import pytest

from netcore.pipeline.context import FromHost
from netcore.pipeline.trace import Stage
from netcore.pipeline.verdict import Deliver, Encap, Reject, RejectKind, ToHost
from tests.support.cluster import (
    CLIENT,
    CLIENT6,
    CLIENT_POD,
    GATEWAY,
    OUTSIDE,
    from_node,
    from_pod,
)
from tests.support.frames import PEER, PEER6, POD, POD6, ip, tcp, udp

ME = from_pod(CLIENT_POD)
TIME_EXCEEDED = Reject(RejectKind.TIME_EXCEEDED)
TOO_BIG = Reject(RejectKind.FRAGMENTATION_NEEDED, 1450)


@pytest.mark.parametrize("ends", [(CLIENT, PEER), (CLIENT6, PEER6), (CLIENT, POD), (CLIENT6, POD6)])
def test_a_router_takes_one_off_the_ttl(node1, ends):
    assert node1.send(tcp(*ends, ttl=64), ME).packet.ttl == 63


@pytest.mark.parametrize("ends", [(CLIENT, PEER), (CLIENT6, PEER6), (CLIENT, POD)])
@pytest.mark.parametrize("ttl", [0, 1])
def test_a_packet_at_the_end_of_its_life_is_answered(node1, ends, ttl):
    outcome = node1.send(tcp(*ends, ttl=ttl), ME)
    assert outcome.verdict == TIME_EXCEEDED
    assert len(node1.flows) == 0
    assert outcome.hops[-1].rule == f"ttl {ttl}"


def test_the_far_node_is_a_router_too(node1):
    assert node1.send(tcp(PEER, POD, ttl=1), from_node(2)).verdict == TIME_EXCEEDED
    assert node1.send(tcp(PEER, POD, ttl=2), from_node(2)).packet.ttl == 1


def test_known_flows_end_by_ttl_as_well(node1):
    node1.send(tcp(CLIENT, PEER), ME)
    assert node1.send(tcp(CLIENT, PEER, ttl=1), ME).verdict == TIME_EXCEEDED


def test_the_node_does_not_count_its_own_packets(node1):
    outcome = node1.send(tcp(GATEWAY, POD, ttl=1), FromHost())
    assert outcome.verdict == Deliver(POD)
    assert outcome.packet.ttl == 1


def test_what_leaves_through_the_node_is_counted_by_its_kernel(node1):
    outcome = node1.send(tcp(CLIENT, OUTSIDE, ttl=1), ME)
    assert outcome.verdict == ToHost()
    assert outcome.packet.ttl == 1


def sized(length: int, *, dont_fragment: bool, **fields) -> bytearray:
    return ip(CLIENT, PEER, 17, bytes((1, 2)) * 2 + (length - 20).to_bytes(2) + bytes(length - 26),
              dont_fragment=dont_fragment, **fields)  # fmt: skip


@pytest.mark.parametrize("dont_fragment", [True, False])
def test_a_packet_of_the_mtu_passes_whole(node1, dont_fragment):
    outcome = node1.send(sized(1450, dont_fragment=dont_fragment), ME)
    assert isinstance(outcome.verdict, Encap)
    assert outcome.decision.fragment_to_bytes == 0


def test_a_larger_one_that_must_not_be_cut_is_answered_with_the_mtu(node1):
    outcome = node1.send(sized(1451, dont_fragment=True), ME)
    assert outcome.verdict == TOO_BIG
    assert outcome.why(Stage.MTU) == "mtu 1450 | 1451 bytes and must not be fragmented"


def test_a_larger_one_that_may_be_cut_is_cut(node1):
    outcome = node1.send(sized(1451, dont_fragment=False), ME)
    assert isinstance(outcome.verdict, Encap)
    assert outcome.decision.fragment_to_bytes == 1450
    later = node1.send(sized(3000, dont_fragment=False, fragment_offset=1480), ME)
    assert later.decision.fragment_to_bytes == 1450


def test_ipv6_routers_never_cut(node1):
    assert node1.send(udp(CLIENT6, PEER6, data=bytes(1402)), ME).verdict != TOO_BIG
    assert node1.send(udp(CLIENT6, PEER6, data=bytes(1403)), ME).verdict == TOO_BIG


def test_the_mtu_of_the_way_out_is_the_kernels_affair(node1):
    outcome = node1.send(udp(CLIENT, OUTSIDE, data=bytes(2000), dont_fragment=True), ME)
    assert outcome.verdict == ToHost()
    assert outcome.decision.fragment_to_bytes == 0


def test_the_host_is_held_to_the_mtu(node1):
    assert node1.send(sized(2000, dont_fragment=True), FromHost()).verdict == TOO_BIG
