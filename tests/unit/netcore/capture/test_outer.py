from netcore.capture.outer import udp_frame
from netcore.model.address import packed
from netcore.packet.packet import parse_packet
from tests.support.frames import NODE_MAC, PEER6, POD6, POD_MAC, wrong_checksums

A, B = packed("172.18.0.11"), packed("172.18.0.12")


def test_ipv4():
    frame = udp_frame((POD_MAC, NODE_MAC), (A, B), (50000, 4789), b"payload")
    packet = parse_packet(frame)
    assert (packet.src_mac, packet.dst_mac) == (POD_MAC, NODE_MAC)
    assert (packet.src, packet.dst, packet.src_port, packet.dst_port) == (A, B, 50000, 4789)
    assert packet.ttl == 64
    assert packet.dont_fragment
    assert frame.endswith(b"payload")
    assert wrong_checksums(frame) == []


def test_ipv6_and_an_odd_length():
    frame = udp_frame((POD_MAC, NODE_MAC), (POD6, PEER6), (1, 2), b"odd")
    packet = parse_packet(frame)
    assert (packet.src, packet.dst, packet.ip_length) == (POD6, PEER6, 51)
    assert wrong_checksums(frame) == []
