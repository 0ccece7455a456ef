import pytest

from netcore.packet.arp import ARP_REQUEST, ArpHeader
from netcore.packet.protocols import ETHERTYPE_ARP
from netcore.pipeline.context import FromHost
from netcore.pipeline.trace import Stage
from netcore.pipeline.verdict import Drop, DropReason, Reply, ReplyKind
from tests.support.cluster import CLIENT_POD, GATEWAY, GATEWAY6, WEB_PODS, from_node, from_pod
from tests.support.frames import POD, POD6, POD_MAC, echo, frame, icmp, ip, udp

WEB1 = from_pod(WEB_PODS[0])
NOT_ROUTED = Drop(DropReason.UNSUPPORTED_L3_PROTOCOL)

ARP = frame(ETHERTYPE_ARP, ArpHeader(ARP_REQUEST, POD_MAC, POD, b"\0" * 6, GATEWAY).encode())
SOLICITATION = icmp(POD6, GATEWAY6, 135, body=GATEWAY6)


@pytest.mark.parametrize("ingress", [WEB1, from_pod(CLIENT_POD), FromHost()])
def test_the_node_answers_on_its_own_links(node1, ingress):
    assert node1.send(ARP, ingress).verdict == Reply(ReplyKind.ARP)
    advertisement = Reply(ReplyKind.NEIGHBOR_ADVERTISEMENT)
    assert node1.send(SOLICITATION, ingress).verdict == advertisement


@pytest.mark.parametrize("data", [ARP, SOLICITATION])
def test_a_tunnel_is_no_link(node1, data):
    assert node1.send(data, from_node(2)).verdict == NOT_ROUTED


@pytest.mark.parametrize("kind", [133, 134, 136, 137])
def test_other_neighbour_discovery_is_never_routed(node1, kind):
    assert node1.send(icmp(POD6, GATEWAY6, kind, body=bytes(16)), WEB1).verdict == NOT_ROUTED


def test_other_link_protocols_are_dropped(node1):
    assert node1.send(frame(0x88CC, bytes(46)), WEB1).verdict == NOT_ROUTED


@pytest.mark.parametrize(
    "data",
    [
        udp(POD, b"\xe0\0\0\xfb"),
        udp(POD, b"\xef\xff\xff\xfa"),
        udp(POD, b"\xff\xff\xff\xff"),
        udp(POD6, b"\xff\x02" + bytes(13) + b"\xfb"),
    ],
)
def test_multicast_and_broadcast_are_dropped(node1, data):
    assert node1.send(data, WEB1).verdict == Drop(DropReason.STALE_OR_UNROUTABLE_IP)


def test_what_is_to_be_routed_passes(node1):
    assert Stage.NEIGHBOR not in node1.send(echo(), WEB1).stages
    assert Stage.NEIGHBOR not in node1.send(ip(POD, GATEWAY, 0, b""), WEB1).stages


def test_the_trace_says_why(node1):
    assert node1.send(ARP, WEB1).stages == [Stage.NEIGHBOR]
