import pytest

from netcore.packet.arp import ARP_REQUEST, ArpHeader
from netcore.packet.describe import describe
from netcore.packet.packet import parse_packet
from netcore.packet.protocols import ETHERTYPE_ARP
from tests.support.frames import (
    PEER,
    PEER6,
    POD,
    POD6,
    POD_MAC,
    echo,
    frame,
    icmp,
    ip,
    sctp,
    tcp,
    udp,
)

QUOTE = bytes(udp(PEER, POD, 53, 5353)[14:])
QUOTE6 = bytes(tcp(PEER6, POD6, 80, 5353)[14:])
ARP = ArpHeader(ARP_REQUEST, POD_MAC, POD, bytes(6), PEER)

CASES = [
    (tcp(), "TCP SYN 10.244.1.2:40000 -> 10.244.2.3:80, 40 bytes"),
    (tcp(flags=0x12), "TCP SYN,ACK 10.244.1.2:40000 -> 10.244.2.3:80, 40 bytes"),
    (tcp(flags=0), "TCP without flags 10.244.1.2:40000 -> 10.244.2.3:80, 40 bytes"),
    (
        tcp(POD6, PEER6),
        "TCP SYN [fd00:10:244:1::2]:40000 -> [fd00:10:244:2::3]:80, 60 bytes",
    ),
    (udp(data=b"x"), "UDP 10.244.1.2:40000 -> 10.244.2.3:53, 29 bytes"),
    (sctp(), "SCTP 10.244.1.2:5000 -> 10.244.2.3:9999, 33 bytes"),
    (echo(), "ICMP echo request 10.244.1.2 -> 10.244.2.3, id 7, 32 bytes"),
    (
        echo(POD6, PEER6),
        "ICMPv6 echo request fd00:10:244:1::2 -> fd00:10:244:2::3, id 7, 52 bytes",
    ),
    (
        icmp(POD, PEER, 3, 3, body=QUOTE),
        "ICMP port unreachable 10.244.1.2 -> 10.244.2.3, "
        "about UDP 10.244.2.3:53 -> 10.244.1.2:5353, 56 bytes",
    ),
    (
        icmp(POD6, PEER6, 1, 3, body=QUOTE6),
        "ICMPv6 address unreachable fd00:10:244:1::2 -> fd00:10:244:2::3, "
        "about TCP [fd00:10:244:2::3]:80 -> [fd00:10:244:1::2]:5353, 108 bytes",
    ),
    (
        icmp(POD, PEER, 3, 9, body=QUOTE),
        "ICMP destination unreachable 10.244.1.2 -> 10.244.2.3, "
        "about UDP 10.244.2.3:53 -> 10.244.1.2:5353, 56 bytes",
    ),
    (icmp(POD, PEER, 13), "ICMP type 13 code 0 10.244.1.2 -> 10.244.2.3, 28 bytes"),
    (ip(POD, PEER, 47, b"gre"), "protocol 47 10.244.1.2 -> 10.244.2.3, 23 bytes"),
    (
        ip(POD, PEER, 17, bytes(8), fragment_offset=1480),
        "UDP fragment 10.244.1.2 -> 10.244.2.3, 28 bytes from byte 1480 on",
    ),
    (frame(ETHERTYPE_ARP, ARP.encode()), "ARP 10.244.1.2 about 10.244.2.3, 28 bytes"),
    (
        frame(0x88CC, b"lldp"),
        "EtherType 0x88cc 0a:58:0a:f4:01:02 -> 0a:58:0a:f4:01:01, 4 bytes",
    ),
]


@pytest.mark.parametrize(("data", "words"), CASES, ids=[words[:24] for _, words in CASES])
def test_describe(data, words):
    assert describe(parse_packet(data)) == words
