import pytest

from netcore.model.address import packed
from netcore.model.errors import BadHeader, TruncatedPacket
from netcore.packet.arp import ARP_REQUEST, ArpHeader
from netcore.packet.ipv6 import FragmentHeader
from netcore.packet.packet import QuotedTuple, parse_packet
from netcore.packet.protocols import (
    ETHERTYPE_ARP,
    ETHERTYPE_IPV4,
    ETHERTYPE_IPV6,
    PROTOCOL_ICMP,
    PROTOCOL_ICMPV6,
    PROTOCOL_SCTP,
    PROTOCOL_TCP,
    PROTOCOL_UDP,
    TCP_ACK,
    TCP_SYN,
)
from tests.support.frames import (
    NODE_MAC,
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

FAMILIES = pytest.mark.parametrize(("src", "dst"), [(POD, PEER), (POD6, PEER6)])
NO_OPERATIONS = b"\x01\x01\x01\x00"


def test_tcp_over_ipv4_has_every_field():
    packet = parse_packet(tcp(POD, PEER, 40000, 80, b"data", flags=TCP_SYN | TCP_ACK, ttl=7))
    assert packet._asdict() == {
        "dst_mac": NODE_MAC,
        "src_mac": POD_MAC,
        "ethertype": ETHERTYPE_IPV4,
        "src": POD,
        "dst": PEER,
        "protocol": PROTOCOL_TCP,
        "src_port": 40000,
        "dst_port": 80,
        "icmp_type": -1,
        "icmp_code": -1,
        "tcp_flags": TCP_SYN | TCP_ACK,
        "ttl": 7,
        "dont_fragment": True,
        "fragment_offset": 0,
        "more_fragments": False,
        "l3_offset": 14,
        "l4_offset": 34,
        "ip_length": 44,
        "quoted": None,
        "identification": 0,
        "segment_bytes": 0,
        "checksum_partial": False,
    }


def test_tcp_over_ipv6():
    packet = parse_packet(tcp(POD6, PEER6, 40000, 80, b"data", ttl=7))
    assert (packet.ethertype, packet.src, packet.dst) == (ETHERTYPE_IPV6, POD6, PEER6)
    assert (packet.src_port, packet.dst_port, packet.tcp_flags) == (40000, 80, TCP_SYN)
    assert (packet.ttl, packet.l4_offset, packet.ip_length) == (7, 54, 64)
    assert packet.dont_fragment


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
@pytest.mark.parametrize("build", [tcp, udp, sctp, echo])
@FAMILIES
def test_any_buffer_at_any_offset(build, kind, src, dst):
    data = build(src, dst)
    packet = parse_packet(kind(data))
    behind = parse_packet(kind(b"8 bytes." + data), 8)
    assert behind == packet._replace(l3_offset=packet.l3_offset + 8, l4_offset=packet.l4_offset + 8)
    assert type(behind.src) is bytes


@FAMILIES
def test_udp(src, dst):
    packet = parse_packet(udp(src, dst, 5353, 53, b"query"))
    assert (packet.protocol, packet.src_port, packet.dst_port) == (PROTOCOL_UDP, 5353, 53)
    assert packet.tcp_flags == 0


@FAMILIES
def test_sctp(src, dst):
    packet = parse_packet(sctp(src, dst, 5000, 9999))
    assert (packet.protocol, packet.src_port, packet.dst_port) == (PROTOCOL_SCTP, 5000, 9999)


@FAMILIES
def test_echo_has_its_identifier_as_both_ports(src, dst):
    packet = parse_packet(echo(src, dst, identifier=0xBEEF))
    assert (packet.src_port, packet.dst_port) == (0xBEEF, 0xBEEF)
    assert packet.icmp_type == (8 if len(src) == 4 else 128)
    assert packet.icmp_code == 0
    assert packet.quoted is None


@pytest.mark.parametrize(("src", "dst", "kind"), [(POD, PEER, 13), (POD6, PEER6, 135)])
def test_other_icmp_has_no_ports(src, dst, kind):
    packet = parse_packet(icmp(src, dst, kind, rest=0xBEEF0001, body=bytes(16)))
    assert (packet.icmp_type, packet.src_port, packet.dst_port) == (kind, 0, 0)
    assert packet.quoted is None


@pytest.mark.parametrize(
    ("src", "dst", "protocol"), [(POD, PEER, PROTOCOL_ICMPV6), (POD6, PEER6, PROTOCOL_ICMP)]
)
def test_icmp_of_the_other_family_is_just_a_protocol(src, dst, protocol):
    packet = parse_packet(ip(src, dst, protocol, b"\x03\x00" + bytes(50)))
    assert (packet.protocol, packet.icmp_type, packet.src_port) == (protocol, -1, 0)


@pytest.mark.parametrize(("src", "dst"), [(POD, PEER), (POD6, PEER6)])
def test_protocol_without_ports(src, dst):
    packet = parse_packet(ip(src, dst, 47, b""))
    assert (packet.protocol, packet.src_port, packet.dst_port) == (47, 0, 0)


def test_ipv4_options_move_the_upper_layer():
    packet = parse_packet(ip(POD, PEER, 17, b"\0\1\0\2\0\x08\0\0", options=NO_OPERATIONS))
    assert (packet.l4_offset, packet.src_port, packet.dst_port) == (38, 1, 2)


def test_padding_does_not_count():
    data = udp(data=b"x")
    assert parse_packet(data + bytes(17)) == parse_packet(data)


def test_first_fragment_of_ipv4_has_ports():
    # The UDP length is that of the whole datagram.
    data = ip(
        POD, PEER, 17, b"\0\1\0\2\x20\0\0\0" + bytes(16), dont_fragment=False, more_fragments=True
    )
    packet = parse_packet(data)
    assert (packet.src_port, packet.dst_port, packet.more_fragments) == (1, 2, True)
    assert packet.identification == 0x1234
    assert not packet.dont_fragment


@pytest.mark.parametrize("protocol", [6, 17, 1])
def test_later_fragment_of_ipv4_has_no_ports(protocol):
    packet = parse_packet(ip(POD, PEER, protocol, b"\3\0", fragment_offset=1480))
    assert (packet.protocol, packet.fragment_offset) == (protocol, 1480)
    assert packet.identification == 0x1234
    assert (packet.src_port, packet.dst_port, packet.icmp_type) == (0, 0, -1)


@pytest.mark.parametrize(("offset", "ports"), [(0, (1, 2)), (1448, (0, 0))])
def test_fragments_of_ipv6(offset, ports):
    header = FragmentHeader(17, offset, True, 0xCAFED00D)
    packet = parse_packet(ip(POD6, PEER6, 44, header.encode() + b"\0\1\0\2\x20\0\0\0"))
    assert (packet.protocol, packet.fragment_offset) == (17, offset)
    assert (packet.src_port, packet.dst_port) == ports
    assert packet.more_fragments
    assert packet.identification == 0xCAFED00D


def test_arp_has_sender_and_target_as_addresses():
    arp = ArpHeader(ARP_REQUEST, POD_MAC, POD, bytes(6), PEER)
    packet = parse_packet(frame(ETHERTYPE_ARP, arp.encode() + bytes(18)))
    assert (packet.ethertype, packet.src, packet.dst) == (ETHERTYPE_ARP, POD, PEER)
    assert (packet.protocol, packet.ip_length) == (0, 46)


def test_other_ethertypes_have_no_addresses():
    packet = parse_packet(frame(0x88CC, b"lldp"))
    assert (packet.src, packet.dst, packet.protocol, packet.l4_offset) == (b"", b"", 0, 14)


ERRORS = pytest.mark.parametrize(
    ("src", "dst", "kind"),
    [(POD, PEER, kind) for kind in (3, 4, 5, 11, 12)]
    + [(POD6, PEER6, kind) for kind in (1, 2, 3, 4)],
)


@ERRORS
def test_errors_quote_a_flow(src, dst, kind):
    quote = bytes(udp(dst, src, 53, 5353, b"answer")[14:])
    packet = parse_packet(icmp(src, dst, kind, body=quote))
    assert packet.quoted == QuotedTuple(PROTOCOL_UDP, dst, src, 53, 5353)
    assert (packet.icmp_type, packet.src_port) == (kind, 0)


@ERRORS
def test_a_quote_may_end_after_8_bytes_of_tcp(src, dst, kind):
    header_bytes = len(src) * 2 + (12 if len(src) == 4 else 8)
    quote = bytes(tcp(dst, src, 80, 40000, b"data" * 100)[14:])[: header_bytes + 8]
    packet = parse_packet(icmp(src, dst, kind, body=quote))
    assert packet.quoted == QuotedTuple(PROTOCOL_TCP, dst, src, 80, 40000)


@pytest.mark.parametrize(("src", "dst", "kind"), [(POD, PEER, 3), (POD6, PEER6, 1)])
class TestQuotes:
    def test_echo_by_its_identifier(self, src, dst, kind):
        quote = bytes(echo(dst, src, identifier=7)[14:])
        quoted = parse_packet(icmp(src, dst, kind, body=quote)).quoted
        assert quoted is not None
        assert (quoted.src_port, quoted.dst_port) == (7, 7)

    def test_other_icmp_without_ports(self, src, dst, kind):
        quote = bytes(icmp(dst, src, 13 if len(src) == 4 else 133, rest=0xBEEF0001)[14:])
        quoted = parse_packet(icmp(src, dst, kind, body=quote)).quoted
        assert quoted is not None
        assert (quoted.src_port, quoted.dst_port) == (0, 0)

    def test_icmp_of_the_other_family(self, src, dst, kind):
        other = PROTOCOL_ICMPV6 if len(src) == 4 else PROTOCOL_ICMP
        quote = bytes(ip(dst, src, other, bytes(8))[14:])
        quoted = parse_packet(icmp(src, dst, kind, body=quote)).quoted
        assert quoted == QuotedTuple(other, dst, src, 0, 0)

    def test_protocol_without_ports_may_be_empty(self, src, dst, kind):
        quote = bytes(ip(dst, src, 47, b"")[14:])
        quoted = parse_packet(icmp(src, dst, kind, body=quote)).quoted
        assert quoted == QuotedTuple(47, dst, src, 0, 0)

    def test_less_than_a_flow_is_truncated(self, src, dst, kind):
        quote = bytes(ip(dst, src, 17, bytes(7))[14:])
        with pytest.raises(TruncatedPacket, match="less than 8 bytes"):
            parse_packet(icmp(src, dst, kind, body=quote))

    def test_less_than_an_ip_header_is_truncated(self, src, dst, kind):
        with pytest.raises(TruncatedPacket):
            parse_packet(icmp(src, dst, kind, body=bytes(19)))


def test_quoted_later_fragment_has_no_ports():
    quote = bytes(ip(PEER, POD, 17, b"12345678", fragment_offset=8)[14:])
    assert parse_packet(icmp(POD, PEER, 11, body=quote)).quoted == QuotedTuple(17, PEER, POD, 0, 0)


def test_quoted_header_options_cut_off():
    quote = bytes(ip(PEER, POD, 17, bytes(8), options=NO_OPERATIONS)[14:])[:22]
    with pytest.raises(TruncatedPacket):
        parse_packet(icmp(POD, PEER, 11, body=quote))


@pytest.mark.parametrize("build", [tcp, udp, sctp, echo])
@FAMILIES
def test_every_shorter_frame_is_truncated(build, src, dst):
    data = bytes(build(src, dst))
    for size in range(len(data)):
        with pytest.raises(TruncatedPacket):
            parse_packet(data[:size])


@pytest.mark.parametrize(("protocol", "size"), [(6, 19), (17, 7), (132, 11), (1, 7)])
def test_ip_packet_too_short_for_its_upper_header(protocol, size):
    with pytest.raises(TruncatedPacket, match=f"there are {size}"):
        parse_packet(ip(POD, PEER, protocol, bytes(size)) + bytes(60))


@pytest.mark.parametrize("data_offset", [0x40, 0x60, 0xF0])
@FAMILIES
def test_tcp_data_offset_must_fit(data_offset, src, dst):
    data = tcp(src, dst)
    data[-8] = data_offset
    with pytest.raises(BadHeader, match="TCP"):
        parse_packet(data)


@pytest.mark.parametrize("length", [7, 13])
@FAMILIES
def test_udp_length_must_fit(length, src, dst):
    data = udp(src, dst, data=b"data")
    data[-8:-6] = length.to_bytes(2, "big")
    with pytest.raises(BadHeader, match=f"UDP length {length}"):
        parse_packet(data)


def test_udp_may_be_shorter_than_its_ip_packet():
    data = udp(data=b"data")
    data[38:40] = b"\x00\x09"
    assert parse_packet(data).src_port == 40000


@pytest.mark.parametrize(("family", "version"), [((POD, PEER), 0x65), ((POD6, PEER6), 0x45)])
def test_version_must_match_the_ethertype(family, version):
    data = tcp(*family)
    data[14] = version
    with pytest.raises(BadHeader, match="version"):
        parse_packet(data)


def test_protocol_behind_ipv6_extension_headers():
    upper = bytes(tcp(POD6, PEER6)[54:])
    packet = parse_packet(ip(POD6, PEER6, 60, b"\x06\x00" + bytes(6) + upper))
    assert (packet.protocol, packet.l4_offset, packet.dst_port) == (6, 62, 80)


def test_ipv6_addresses_are_not_confused_with_text():
    assert parse_packet(tcp(packed("::1"), packed("::2"))).src == bytes(15) + b"\1"
