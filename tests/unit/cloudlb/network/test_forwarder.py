"""Frames from clients to nodes, and answers to neighbours."""

import pytest

from cloudlb.network.balancer import NetworkFrontend
from netcore.model.address import packed
from netcore.packet.arp import ARP_REPLY, ARP_REQUEST, ArpHeader, parse_arp
from netcore.packet.ethernet import EthernetHeader
from netcore.packet.icmpv6 import NeighborBody
from netcore.packet.packet import parse_packet
from netcore.packet.protocols import ETHERTYPE_ARP, PROTOCOL_TCP
from tests.support import frames
from tests.unit.cloudlb.network.support import HEADER, MAC, forwarder, to

VIP, VIP6, OWN = packed("172.18.255.1"), packed("fd00::1"), packed("172.18.0.5")
CLIENT, CLIENT6 = packed("172.18.0.99"), packed("fd00::99")
NODE, NODE6 = packed("172.18.0.11"), packed("fd00::11")
CLIENT_MAC, NODE_MAC = bytes.fromhex("020000000099"), bytes.fromhex("020000000011")
BROADCAST, GROUP6 = b"\xff" * 6, bytes.fromhex("3333ff000001")
FRONTENDS = {
    (VIP, PROTOCOL_TCP, 80): NetworkFrontend((NODE,)),
    (VIP6, PROTOCOL_TCP, 80): NetworkFrontend((NODE6,)),
    (OWN, PROTOCOL_TCP, 80): NetworkFrontend((NODE,)),
}


@pytest.fixture
def made():
    return forwarder(FRONTENDS, (NODE, NODE6), (OWN,))


def handle(made, *taken):
    """What the device was given to send."""
    forward, device = made
    device.waiting.extend(taken)
    device.sent.clear()
    forward.drain()
    return list(device.sent)


def arp(target, sender=CLIENT, operation=ARP_REQUEST, mac=BROADCAST):
    asked = ArpHeader(operation, CLIENT_MAC, sender, bytes(6), target).encode()
    return bytes(HEADER) + EthernetHeader(mac, CLIENT_MAC, ETHERTYPE_ARP).encode() + asked


def solicitation(target, mac=GROUP6, source=CLIENT6):
    body = NeighborBody(target, source_mac=CLIENT_MAC).encode()
    frame = frames.icmp(source, target, 135, body=body)
    frame[14 + 7] = 255
    return to(mac, frame, source=CLIENT_MAC)


def heard_of(made):
    """The nodes have sent something."""
    handle(
        made,
        to(MAC, frames.tcp(NODE, OWN, 10256, 5000), source=NODE_MAC),
        to(MAC, frames.tcp(NODE6, CLIENT6, 10256, 5000), source=NODE_MAC),
    )
    return made


@pytest.mark.parametrize("mac", [BROADCAST, MAC], ids=["broadcast", "check"])
def test_arp_for_an_address_of_ours_is_answered(made, mac):
    (answer,) = handle(made, arp(VIP, mac=mac))
    assert answer[:HEADER] == bytes(HEADER)
    ethernet, reply = answer[HEADER : HEADER + 14], parse_arp(answer[HEADER + 14 :])[0]
    assert ethernet == EthernetHeader(CLIENT_MAC, MAC, ETHERTYPE_ARP).encode()
    assert reply == ArpHeader(ARP_REPLY, MAC, VIP, CLIENT_MAC, CLIENT)


@pytest.mark.parametrize("mac", [GROUP6, MAC], ids=["multicast", "check"])
def test_a_neighbour_solicitation_for_an_address_of_ours_is_answered(made, mac):
    (answer,) = handle(made, solicitation(VIP6, mac))
    packet = parse_packet(answer, HEADER)
    assert (packet.src, packet.dst, packet.icmp_type) == (VIP6, CLIENT6, 136)
    assert (packet.src_mac, packet.dst_mac) == (MAC, CLIENT_MAC)
    assert answer.endswith(NeighborBody(VIP6, target_mac=MAC).encode())


@pytest.mark.parametrize(
    "frame",
    [
        arp(OWN),
        arp(OWN, mac=MAC),
        arp(packed("172.18.255.2")),
        arp(VIP, sender=VIP),
        arp(VIP, operation=ARP_REPLY),
        solicitation(packed("fd00::2")),
        solicitation(VIP6, source=bytes(16)),
    ],
    ids=["silent", "silent check", "other", "announced", "reply", "other 6", "dad"],
)
def test_other_questions_are_not_answered(made, frame):
    assert handle(made, frame) == []


@pytest.mark.parametrize(("client", "vip"), [(CLIENT, VIP), (CLIENT6, VIP6)])
def test_a_packet_goes_to_the_node_as_it_is_with_its_offload_header(made, client, vip):
    heard_of(made)
    header = bytes(range(HEADER))
    frame = frames.tcp(client, vip, 40000, 80, b"data")
    (sent,) = handle(made, to(MAC, frame, header, CLIENT_MAC))
    assert sent == header + NODE_MAC + MAC + bytes(frame[12:])
    assert made[0].counters["forwarded"] == 1


def test_frames_for_other_macs_are_not_passed_on(made):
    heard_of(made)
    for mac in (BROADCAST, NODE_MAC):
        assert handle(made, to(mac, frames.tcp(CLIENT, VIP, 40000, 80))) == []


def test_a_node_that_was_not_heard_of(made):
    assert handle(made, to(MAC, frames.tcp(CLIENT, VIP, 40000, 80))) == []
    assert made[0].counters["drop node-not-heard-of"] == 1


def test_macs_are_of_nodes_alone_and_go_with_them(made):
    heard_of(made)
    handle(made, to(MAC, frames.tcp(CLIENT, OWN, 1, 2), source=CLIENT_MAC))
    made[0].use(FRONTENDS, frozenset((CLIENT,)), frozenset())
    made[0].use(FRONTENDS, frozenset((NODE, NODE6)), frozenset())
    assert handle(made, to(MAC, frames.tcp(CLIENT, VIP, 40000, 80))) == []


def test_arp_does_not_say_where_a_node_is(made):
    handle(made, arp(packed("172.18.0.1"), sender=NODE))
    assert handle(made, to(MAC, frames.tcp(CLIENT, VIP, 40000, 80))) == []


def test_a_device_that_takes_nothing_is_counted(made):
    heard_of(made)
    made[1].takes = False
    handle(made, to(MAC, frames.tcp(CLIENT, VIP, 40000, 80)))
    assert made[0].counters["drop send-failed"] == 1


def test_malformed_frames_are_counted(made):
    assert handle(made, bytes(5), bytes(HEADER) + MAC, to(MAC, frames.tcp()[:30])) == []
    assert made[0].counters["malformed"] == 3


def test_one_turn_handles_not_all_that_waits(made):
    device = made[1]
    handle(made, *[arp(VIP)] * 100)
    assert len(device.sent) == 64
    assert len(device.waiting) == 36
