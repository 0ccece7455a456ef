"""The codecs against scapy, which shares no code with them."""

import logging
import warnings

import pytest

from netcore.packet.checksum import crc32c
from netcore.packet.packet import parse_packet
from netcore.packet.protocols import ETHERTYPE_IPV4
from netcore.packet.reply import (
    arp_reply,
    icmp_error,
    neighbor_advertisement,
    tcp_reset,
)
from netcore.packet.rewrite import Rewrite, apply_rewrite
from tests.support import frames
from tests.support.frames import NODE_MAC, PEER, PEER6, POD, POD6, POD_MAC

logging.getLogger("scapy").setLevel(logging.ERROR)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # scapy's import is not ours to judge
    from scapy.layers.inet import ICMP, IP, TCP, UDP
    from scapy.layers.inet6 import (
        ICMPv6DestUnreach,
        ICMPv6EchoRequest,
        ICMPv6ND_NA,
        ICMPv6ND_NS,
        ICMPv6NDOptSrcLLAddr,
        IPv6,
        IPv6ExtHdrDestOpt,
        IPv6ExtHdrFragment,
    )
    from scapy.layers.l2 import ARP, Ether
    from scapy.layers.sctp import SCTP, SCTPChunkInit
    from scapy.layers.vxlan import VXLAN

LINK = {"dst": NODE_MAC.hex(":"), "src": POD_MAC.hex(":")}
V4 = {"src": "10.244.1.2", "dst": "10.244.2.3"}
V6 = {"src": "fd00:10:244:1::2", "dst": "fd00:10:244:2::3"}


def summed_anew(data):
    """The frame with every length and checksum computed by scapy."""
    packet = Ether(bytes(data))
    layer = packet
    while layer:
        for field in ("chksum", "cksum"):
            if field in layer.fields:
                delattr(layer, field)
        layer = layer.payload
    return bytes(packet)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (
            frames.tcp(data=b"odd", sequence=9, options=b"\2\4\5\xaa"),
            IP(**V4, id=0x1234, flags="DF")
            / TCP(sport=40000, dport=80, seq=9, flags="S", window=64240, options=[("MSS", 1450)])
            / b"odd",
        ),
        (
            frames.udp(data=b"odd"),
            IP(**V4, id=0x1234) / UDP(sport=40000, dport=53) / b"odd",
        ),
        (
            frames.udp(POD6, PEER6, data=b"odd"),
            IPv6(**V6) / UDP(sport=40000, dport=53) / b"odd",
        ),
        (
            frames.echo(),
            IP(**V4, id=0x1234, flags="DF") / ICMP(id=7, seq=1) / b"ping",
        ),
        (
            frames.echo(POD6, PEER6),
            IPv6(**V6) / ICMPv6EchoRequest(id=7, seq=1, data=b"ping"),
        ),
    ],
    ids=["tcp", "udp", "udp 6", "echo", "echo 6"],
)
def test_frames_are_the_same_bytes(ours, theirs):
    assert ours == bytes(Ether(**LINK) / theirs)


def test_sctp_crc():
    theirs = bytes(SCTP(sport=5000, dport=9999, tag=0xCAFE) / SCTPChunkInit())
    assert crc32c(theirs[:8] + bytes(4) + theirs[12:]).to_bytes(4, "little") == theirs[8:12]


@pytest.mark.parametrize(
    ("theirs", "expected"),
    [
        (IP(**V4) / TCP(sport=1, dport=2, flags="FA"), (6, 1, 2, 0x11, -1)),
        (IP(**V4, options=b"\1\1\1\1") / UDP(sport=1, dport=2), (17, 1, 2, 0, -1)),
        (IP(**V4) / SCTP(sport=1, dport=2), (132, 1, 2, 0, -1)),
        (IPv6(**V6) / IPv6ExtHdrDestOpt() / TCP(sport=1, dport=2), (6, 1, 2, 2, -1)),
        (IPv6(**V6) / IPv6ExtHdrFragment(m=1) / SCTP(sport=1, dport=2), (132, 1, 2, 0, -1)),
        (IPv6(**V6) / IPv6ExtHdrFragment(offset=9) / (b"x" * 9), (59, 0, 0, 0, -1)),
        (IPv6(**V6) / ICMPv6EchoRequest(id=9), (58, 9, 9, 0, 128)),
    ],
    ids=["tcp", "options", "sctp", "destination options", "fragment", "later fragment", "echo 6"],
)
def test_packets_are_understood(theirs, expected):
    packet = parse_packet(bytes(Ether(**LINK) / theirs))
    found = (packet.protocol, packet.src_port, packet.dst_port, packet.tcp_flags, packet.icmp_type)
    assert found == expected


@pytest.mark.parametrize(("src", "dst", "new"), [(POD, PEER, b"\1" * 4), (POD6, PEER6, b"\1" * 16)])
@pytest.mark.parametrize("build", [frames.tcp, frames.udp, frames.echo])
def test_rewritten_checksums_are_those_that_scapy_computes(build, src, dst, new):
    data = build(src, dst)
    apply_rewrite(data, parse_packet(data), Rewrite(None, 999, new, 999, True))
    assert data == summed_anew(data)


def test_arp_reply():
    question = bytes(
        Ether(**LINK) / ARP(op=1, hwsrc=LINK["src"], psrc=V4["src"], pdst="10.244.1.1")
    )
    answer = Ether(arp_reply(question, parse_packet(question), NODE_MAC))
    assert answer[ARP].op == 2
    assert (answer[ARP].hwsrc, answer[ARP].psrc) == (LINK["dst"], "10.244.1.1")
    assert (answer[ARP].hwdst, answer[ARP].pdst) == (LINK["src"], V4["src"])


def test_neighbor_advertisement():
    question = bytes(
        Ether(**LINK)
        / IPv6(src=V6["src"], dst="ff02::1:ff00:1", hlim=255)
        / ICMPv6ND_NS(tgt="fe80::1")
        / ICMPv6NDOptSrcLLAddr(lladdr=LINK["src"])
    )
    answer = neighbor_advertisement(question, parse_packet(question), NODE_MAC)
    assert answer == summed_anew(answer)
    advertisement = Ether(answer)[ICMPv6ND_NA]
    assert (advertisement.tgt, advertisement.S, advertisement.O, advertisement.R) == (
        "fe80::1",
        1,
        1,
        1,
    )
    assert advertisement.lladdr == LINK["dst"]


@pytest.mark.parametrize(("src", "dst"), [(POD, PEER), (POD6, PEER6)])
def test_answers_have_the_checksums_that_scapy_computes(src, dst):
    data = frames.tcp(src, dst)
    answer = tcp_reset(data, parse_packet(data))
    assert answer == summed_anew(answer)


def test_icmp_errors():
    data = frames.udp()
    answer = Ether(icmp_error(data, parse_packet(data), "FRAGMENTATION_NEEDED", PEER, 1450))
    assert (answer[ICMP].type, answer[ICMP].code, answer[ICMP].nexthopmtu) == (3, 4, 1450)
    assert bytes(answer[ICMP].payload) == data[14:]
    data = frames.udp(POD6, PEER6)
    answer = Ether(icmp_error(data, parse_packet(data), "PORT_UNREACHABLE", PEER6))
    assert answer[ICMPv6DestUnreach].code == 4
    assert bytes(answer[ICMPv6DestUnreach].payload) == data[14:]


def test_inner_frame_behind_a_vxlan_header():
    inner = bytes(Ether(**LINK) / IP(**V4) / TCP(sport=1, dport=2))
    datagram = bytes(VXLAN(vni=1, flags=8) / Ether(inner))
    packet = parse_packet(datagram, 8)
    assert (packet.ethertype, packet.dst_port, packet.l3_offset) == (ETHERTYPE_IPV4, 2, 22)
