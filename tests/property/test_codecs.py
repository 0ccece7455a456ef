"""Every header survives encode and parse; arbitrary bytes raise nothing but PacketError."""

import contextlib

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from netcore.model.errors import PacketError
from netcore.packet.arp import parse_arp
from netcore.packet.describe import describe
from netcore.packet.ethernet import parse_ethernet
from netcore.packet.icmp import parse_icmp
from netcore.packet.icmpv6 import parse_icmpv6, parse_neighbor
from netcore.packet.ipv4 import parse_ipv4
from netcore.packet.ipv6 import parse_fragment, parse_ipv6, walk_extensions
from netcore.packet.packet import parse_packet
from netcore.packet.reply import (
    ErrorKind,
    arp_reply,
    icmp_error,
    neighbor_advertisement,
    tcp_reset,
)
from netcore.packet.sctp import parse_sctp
from netcore.packet.tcp import parse_tcp
from netcore.packet.udp import parse_udp
from netcore.packet.vxlan import parse_vxlan
from tests.property import packets
from tests.support.frames import NODE_MAC

STAND_ALONE = [
    (packets.ethernet_headers, parse_ethernet),
    (packets.arp_headers, parse_arp),
    (packets.icmp_headers, parse_icmp),
    (packets.icmpv6_headers, parse_icmpv6),
    (packets.fragment_headers, parse_fragment),
    (packets.sctp_headers, parse_sctp),
    (packets.tcp_headers, parse_tcp),
    (packets.vxlan_headers, parse_vxlan),
]
SIZED = [
    (packets.ipv4_packets(), parse_ipv4),
    (packets.ipv6_packets(), parse_ipv6),
    (packets.udp_datagrams(), parse_udp),
]
PARSERS = [parse for _, parse in STAND_ALONE + SIZED] + [parse_neighbor]


def name_of(value: object) -> str:
    return getattr(value, "__name__", "")


@pytest.mark.parametrize(("headers", "parse"), STAND_ALONE, ids=name_of)
@given(data=st.data())
def test_header_round_trip(headers, parse, data):
    header, payload = data.draw(headers), data.draw(packets.payloads)
    assert parse(memoryview(header.encode() + payload)) == (header, payload)


@pytest.mark.parametrize(("sized", "parse"), SIZED, ids=name_of)
@given(data=st.data())
def test_sized_packet_round_trip_with_padding(sized, parse, data):
    header, payload = data.draw(sized)
    padding = data.draw(packets.payloads)
    assert parse(memoryview(header.encode() + payload + padding)) == (header, payload)


@given(packets.neighbor_bodies)
def test_neighbor_body_round_trip(body):
    assert parse_neighbor(memoryview(body.encode())) == (body, b"")


@pytest.mark.parametrize("parse", PARSERS, ids=name_of)
@given(data=st.binary(max_size=96))
def test_parsers_of_arbitrary_bytes_raise_only_packet_errors(parse, data):
    with contextlib.suppress(PacketError):
        parse(memoryview(data))


@given(st.binary(max_size=96), st.integers(0, 255))
def test_walk_of_arbitrary_bytes_stays_inside(data, next_header):
    with contextlib.suppress(PacketError):
        assert walk_extensions(data, 0, len(data), next_header).offset <= len(data)


@given(packets.valid_frames())
def test_ipv4_options_change_nothing_but_where_things_are(frame):
    """Packets without options take a shortcut through the parser; it must not show."""
    plain = parse_packet(frame)
    assume(len(plain.src) == 4)
    longer = bytearray(frame[:34] + b"\1\1\1\1" + frame[34:])
    longer[14] = 0x46
    longer[16:18] = (plain.ip_length + 4).to_bytes(2, "big")
    assert parse_packet(longer) == plain._replace(l4_offset=38, ip_length=plain.ip_length + 4)


ethertypes = st.sampled_from([b"\x08\x00", b"\x86\xdd", b"\x08\x06"])


@st.composite
def plausible_frames(draw: st.DrawFn) -> bytes:
    """Random bytes that claim to be IP and are often long enough for it."""
    body = bytearray(draw(st.binary(max_size=120)))
    kind = draw(ethertypes)
    if len(body) >= 20 and draw(st.booleans()):
        protocol = draw(st.sampled_from([1, 6, 17, 44, 58, 60, 132]))
        if kind == b"\x08\x00":
            body[0], body[2:4] = 0x45, len(body).to_bytes(2, "big")
            body[6:8], body[9] = draw(st.sampled_from([b"\0\0", b"\x20\0", b"\0\1"])), protocol
        elif kind == b"\x86\xdd":
            body[0], body[4:6], body[6] = 0x60, max(0, len(body) - 40).to_bytes(2, "big"), protocol
    return draw(st.binary(min_size=12, max_size=12)) + kind + bytes(body)


@given(plausible_frames() | st.binary(max_size=120))
@example(b"")
def test_packets_of_arbitrary_bytes_raise_only_packet_errors(frame):
    with contextlib.suppress(PacketError):
        packet = parse_packet(frame)
        assert packet.l3_offset <= packet.l4_offset <= len(frame)
        assert describe(packet)


@given(plausible_frames(), st.sampled_from(ErrorKind))
def test_answers_to_arbitrary_bytes_are_valid_frames(frame, kind):
    try:
        packet = parse_packet(frame)
    except PacketError:
        return
    source = b"\1" * len(packet.src)
    for answer in (
        arp_reply(frame, packet, NODE_MAC),
        neighbor_advertisement(frame, packet, NODE_MAC),
        icmp_error(frame, packet, kind, source),
        tcp_reset(frame, packet),
    ):
        if answer is not None:
            assert parse_packet(answer).dst == packet.src
