import pytest

from netcore.capture.line import line
from netcore.capture.outer import udp_frame
from netcore.model.address import packed
from netcore.packet.vxlan import encode_vxlan
from tests.support.frames import (
    NODE_MAC,
    PEER,
    PEER6,
    POD,
    POD6,
    POD_MAC,
    echo,
    fragments,
    frame,
    ip,
    tcp,
    udp,
)

PORT = 4789
INNER = tcp(POD, PEER, 40000, 80, b"GET /", flags=0x18, sequence=7, acknowledgment=9)
A, B = packed("172.18.0.11"), packed("172.18.0.12")
DATAGRAM = udp_frame((POD_MAC, NODE_MAC), (A, B), (5000, PORT), encode_vxlan(9) + bytes(INNER))
ENDS = "IP 10.244.1.2.40000 > 10.244.2.3.80"
TCP = f"{ENDS}: Flags [P.], seq 7:12, ack 9, win 64240, length 5"
ARP = bytes.fromhex("0001080006040001") + b"\2" * 6 + POD + bytes(6) + PEER


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (tcp(sequence=5), f"{ENDS}: Flags [S], seq 5, win 64240, length 0"),
        (INNER, TCP),
        (tcp(flags=0), f"{ENDS}: Flags [none], win 64240, length 0"),
        (udp(data=b"abc"), "IP 10.244.1.2.40000 > 10.244.2.3.53: UDP, length 3"),
        (
            udp(POD6, PEER6, data=b"abc"),
            "IP6 fd00:10:244:1::2.40000 > fd00:10:244:2::3.53: UDP, length 3",
        ),
        (echo(), "IP ICMP echo request 10.244.1.2 -> 10.244.2.3, id 7, 32 bytes"),
        (ip(POD, PEER, 47, b"x"), "IP protocol 47 10.244.1.2 -> 10.244.2.3, 21 bytes"),
        (frame(0x0806, ARP), "ARP 10.244.1.2 about 10.244.2.3, 28 bytes"),
        (
            fragments(udp(data=bytes(40)), 24)[1],
            "UDP fragment 10.244.1.2 -> 10.244.2.3, 44 bytes from byte 24 on",
        ),
        (DATAGRAM, f"IP 172.18.0.11.5000 > 172.18.0.12.4789: VXLAN, vni 9: {TCP}"),
    ],
)  # fmt: skip
def test_as_tcpdump_would(data, text):
    assert line(data, PORT) == text


def test_what_was_cut_off_and_what_is_nothing():
    assert line(INNER[:40], PORT, len(INNER)).startswith("[cut off: ")
    assert line(INNER[:40], PORT, len(INNER)).endswith(f", length {len(INNER)}")
    assert line(b"\0" * 5, PORT).startswith("[malformed: ")
