"""One datagram of the underlay, taken apart and put together again to the byte."""

from pathlib import Path

from netcore.model.address import packed, parse_mac
from netcore.packet.describe import describe
from netcore.packet.ethernet import parse_ethernet
from netcore.packet.ipv4 import parse_ipv4
from netcore.packet.packet import parse_packet
from netcore.packet.tcp import parse_tcp
from netcore.packet.udp import parse_udp
from netcore.packet.vxlan import encode_vxlan, parse_vxlan
from tests.support.frames import wrong_checksums

LINES = (Path(__file__).parent / "packets" / "vxlan_syn.hex").read_text().splitlines()
DATAGRAM = bytes.fromhex("".join(line for line in LINES if not line.startswith("#")))
INNER_OFFSET = 14 + 20 + 8 + 8


def test_layers():
    outer_ethernet, packet = parse_ethernet(memoryview(DATAGRAM))
    outer_ip, datagram = parse_ipv4(packet)
    outer_udp, payload = parse_udp(datagram)
    vxlan, inner = parse_vxlan(payload)
    assert outer_ethernet.dst == parse_mac("02:42:ac:12:00:0c")
    assert (outer_ip.src, outer_ip.dst) == (packed("172.18.0.11"), packed("172.18.0.12"))
    assert (outer_udp.src_port, outer_udp.dst_port) == (51234, 4789)
    assert vxlan.vni == 1
    inner_ethernet, inner_packet = parse_ethernet(inner)
    inner_ip, segment = parse_ipv4(inner_packet)
    inner_tcp, data = parse_tcp(segment)
    assert inner_ip.dont_fragment
    assert (inner_tcp.sequence, inner_tcp.dst_port, bytes(data)) == (0x01020304, 8080, b"")

    again = inner_tcp.with_checksum(inner_ip.src, inner_ip.dst, b"").encode()
    again = inner_ethernet.encode() + inner_ip.with_checksum().encode() + again
    again = encode_vxlan(1) + again
    again = outer_udp.with_checksum(outer_ip.src, outer_ip.dst, again).encode() + again
    again = outer_ethernet.encode() + outer_ip.with_checksum().encode() + again
    assert again == DATAGRAM


def test_outer_and_inner_packet():
    assert describe(parse_packet(DATAGRAM)) == (
        "UDP 172.18.0.11:51234 -> 172.18.0.12:4789, 110 bytes"
    )
    inner = parse_packet(DATAGRAM, INNER_OFFSET)
    assert describe(inner) == "TCP SYN 10.244.1.2:40000 -> 10.244.2.3:8080, 60 bytes"
    assert inner.ttl == 63


def test_checksums():
    assert wrong_checksums(DATAGRAM) == []
    assert wrong_checksums(DATAGRAM[INNER_OFFSET:]) == []
