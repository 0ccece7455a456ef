import pytest

from netcore.model.address import packed
from netcore.packet.arp import ARP_REPLY, ARP_REQUEST, ArpHeader, parse_arp
from netcore.packet.ethernet import BROADCAST_MAC, parse_ethernet
from netcore.packet.icmp import parse_icmp
from netcore.packet.icmpv6 import NeighborBody, parse_icmpv6, parse_neighbor
from netcore.packet.ipv6 import FragmentHeader
from netcore.packet.packet import Packet, QuotedTuple, parse_packet
from netcore.packet.protocols import (
    ETHERTYPE_ARP,
    TCP_ACK,
    TCP_FIN,
    TCP_RST,
    TCP_SYN,
)
from netcore.packet.reply import (
    ErrorKind,
    arp_reply,
    icmp_error,
    neighbor_advertisement,
    tcp_reset,
)
from netcore.packet.tcp import parse_tcp
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
    tcp,
    udp,
    wrong_checksums,
)

GATEWAY, GATEWAY6 = packed("10.244.1.1"), packed("fd00:10:244:1::1")
FAMILIES = pytest.mark.parametrize(
    ("src", "dst", "gateway"), [(POD, PEER, GATEWAY), (POD6, PEER6, GATEWAY6)]
)


def answered(answer: bytes | None) -> Packet:
    """The answer, which must be a valid frame from the node to the pod."""
    assert answer is not None
    packet = parse_packet(answer)
    assert (packet.src_mac, packet.dst_mac) == (NODE_MAC, POD_MAC)
    assert wrong_checksums(answer) == []
    return packet


class TestArpReply:
    def ask(self, operation=ARP_REQUEST, sender=POD, target=GATEWAY) -> bytes | None:
        request = ArpHeader(operation, POD_MAC, sender, bytes(6), target)
        data = frame(ETHERTYPE_ARP, request.encode())
        data[:6] = BROADCAST_MAC
        return arp_reply(data, parse_packet(data), NODE_MAC)

    def test_names_the_mac_to_the_asker(self):
        answer = self.ask()
        assert answer is not None
        ethernet, payload = parse_ethernet(memoryview(answer))
        assert (ethernet.dst, ethernet.src) == (POD_MAC, NODE_MAC)
        assert parse_arp(payload)[0] == ArpHeader(ARP_REPLY, NODE_MAC, GATEWAY, POD_MAC, POD)

    def test_a_reply_is_not_answered(self):
        assert self.ask(operation=ARP_REPLY) is None

    def test_a_probe_is_not_answered(self):
        assert self.ask(sender=bytes(4), target=POD) is None

    def test_an_announcement_is_not_answered(self):
        assert self.ask(target=POD) is None

    def test_what_is_no_arp_is_not_answered(self):
        data = udp()
        assert arp_reply(data, parse_packet(data), NODE_MAC) is None


class TestNeighborAdvertisement:
    SOLICITATION = NeighborBody(GATEWAY6, source_mac=POD_MAC).encode()

    def ask(self, body=SOLICITATION, *, src=POD6, kind=135, code=0, hop_limit=255) -> bytes | None:
        data = icmp(src, packed("ff02::1:ff00:1"), kind, code, body=body)
        data[21] = hop_limit
        return neighbor_advertisement(data, parse_packet(data), NODE_MAC)

    def test_names_the_mac_to_the_asker(self):
        answer = self.ask()
        packet = answered(answer)
        assert (packet.src, packet.dst, packet.ttl) == (GATEWAY6, POD6, 255)
        assert answer is not None
        header, body = parse_icmpv6(memoryview(answer)[packet.l4_offset :])
        assert (header.type, header.rest) == (136, 0xE0000000)
        assert parse_neighbor(body)[0] == NeighborBody(GATEWAY6, target_mac=NODE_MAC)

    def test_duplicate_address_detection_is_not_answered(self):
        assert self.ask(src=bytes(16)) is None

    @pytest.mark.parametrize(
        "change",
        [
            {"kind": 136},
            {"hop_limit": 254},
            {"code": 1},
            {"body": GATEWAY6[:15]},
            {"body": NeighborBody(packed("ff02::1")).encode()},
        ],
        ids=["other type", "routed", "code", "short", "multicast target"],
    )
    def test_what_is_not_valid_is_not_answered(self, change):
        assert self.ask(**change) is None

    def test_a_fragment_is_not_answered(self):
        message = bytes(icmp(POD6, GATEWAY6, 135, body=self.SOLICITATION)[54:])
        first = FragmentHeader(58, 0, True, 1).encode() + message
        data = ip(POD6, GATEWAY6, 44, first, ttl=255)
        assert neighbor_advertisement(data, parse_packet(data), NODE_MAC) is None

    def test_what_is_no_icmpv6_is_not_answered(self):
        data = icmp(POD, PEER, 135, body=bytes(16))
        assert neighbor_advertisement(data, parse_packet(data), NODE_MAC) is None


class TestIcmpError:
    @pytest.mark.parametrize(
        ("kind", "v4", "v6"),
        [
            (ErrorKind.PORT_UNREACHABLE, (3, 3), (1, 4)),
            (ErrorKind.HOST_UNREACHABLE, (3, 1), (1, 3)),
            (ErrorKind.FRAGMENTATION_NEEDED, (3, 4), (2, 0)),
            ("TIME_EXCEEDED", (11, 0), (3, 0)),
        ],
    )
    @FAMILIES
    def test_kinds(self, kind, v4, v6, src, dst, gateway):
        data = udp(src, dst, 40000, 53, b"odd")
        packet = answered(icmp_error(data, parse_packet(data), kind, gateway))
        assert (packet.icmp_type, packet.icmp_code) == (v4 if len(src) == 4 else v6)
        assert (packet.src, packet.dst) == (gateway, src)
        assert packet.quoted == QuotedTuple(17, src, dst, 40000, 53)

    @FAMILIES
    def test_mtu(self, src, dst, gateway):
        data = tcp(src, dst)
        answer = icmp_error(data, parse_packet(data), "FRAGMENTATION_NEEDED", gateway, 1450)
        packet = answered(answer)
        assert answer is not None
        assert parse_icmp(memoryview(answer)[packet.l4_offset :])[0].rest == 1450

    @FAMILIES
    def test_quote_is_as_long_as_allowed_and_no_padding(self, src, dst, gateway):
        for size, length in ((100, None), (3000, 576 if len(src) == 4 else 1280)):
            data = udp(src, dst, data=bytes(size)) + b"padding"
            original = parse_packet(data)
            answer = icmp_error(data, original, "HOST_UNREACHABLE", gateway)
            packet = answered(answer)
            assert answer is not None
            quote = answer[packet.l4_offset + 8 :]
            assert quote == data[14 : 14 + len(quote)]
            if length is None:
                assert len(quote) == original.ip_length
            else:
                assert packet.ip_length == length

    def test_ipv4_errors_have_precedence(self):
        data = udp()
        answer = icmp_error(data, parse_packet(data), "PORT_UNREACHABLE", GATEWAY)
        assert answer is not None
        assert answer[15] == 0xC0

    def test_about_other_icmp(self):
        for data, source in ((echo(), GATEWAY), (echo(POD6, PEER6), GATEWAY6)):
            assert answered(icmp_error(data, parse_packet(data), "TIME_EXCEEDED", source))

    def test_about_a_first_fragment(self):
        data = ip(POD, PEER, 17, b"\0\1\0\2\x20\0\0\0" + bytes(16), more_fragments=True)
        assert answered(icmp_error(data, parse_packet(data), "TIME_EXCEEDED", GATEWAY))

    @pytest.mark.parametrize(
        "data",
        [
            icmp(POD, PEER, 3, 3, body=bytes(udp(PEER, POD)[14:])),
            icmp(POD6, PEER6, 1, 4, body=bytes(udp(PEER6, POD6)[14:])),
            icmp(POD6, PEER6, 100),
            icmp(POD6, PEER6, 137),
            ip(POD, PEER, 17, bytes(8), fragment_offset=8),
            udp(dst=packed("224.0.0.251")),
            udp(dst=packed("255.255.255.255")),
            udp(src=bytes(4)),
            udp(src=packed("224.0.0.1")),
            udp(POD6, packed("ff02::fb")),
            udp(bytes(16), PEER6),
            bytearray(BROADCAST_MAC + udp()[6:]),
            frame(ETHERTYPE_ARP, ArpHeader(1, POD_MAC, POD, bytes(6), PEER).encode()),
            frame(0x88CC, b"lldp"),
        ],
        ids=[
            "error", "error 6", "unknown error 6", "redirect 6", "later fragment", "to multicast",
            "to broadcast", "from 0.0.0.0", "from multicast", "to multicast 6", "from ::",
            "link broadcast", "arp", "lldp",
        ],
    )  # fmt: skip
    def test_what_must_not_be_answered(self, data):
        packet = parse_packet(data)
        source = GATEWAY6 if len(packet.src) == 16 else GATEWAY
        assert icmp_error(data, packet, "PORT_UNREACHABLE", source) is None

    def test_unknown_kind(self):
        data = udp()
        with pytest.raises(ValueError, match="SOURCE_QUENCH"):
            icmp_error(data, parse_packet(data), "SOURCE_QUENCH", GATEWAY)


class TestTcpReset:
    def reset(self, data: bytearray) -> tuple[Packet, int, int]:
        answer = tcp_reset(data, parse_packet(data))
        packet = answered(answer)
        assert answer is not None
        header, payload = parse_tcp(memoryview(answer)[packet.l4_offset :])
        assert payload == b""
        return packet, header.sequence, header.acknowledgment

    @FAMILIES
    def test_of_a_syn(self, src, dst, gateway):
        packet, sequence, acknowledgment = self.reset(tcp(src, dst, 40000, 80, sequence=1000))
        assert (packet.src, packet.dst) == (dst, src)
        assert (packet.src_port, packet.dst_port) == (80, 40000)
        assert packet.tcp_flags == TCP_RST | TCP_ACK
        assert (sequence, acknowledgment) == (0, 1001)

    def test_syn_and_fin_and_data_count_and_numbers_wrap(self):
        data = tcp(data=b"12345", flags=TCP_SYN | TCP_FIN, sequence=0xFFFFFFFF, options=b"\1\1\1\0")
        assert self.reset(data + b"padding")[1:] == (0, 6)

    def test_of_a_segment_with_an_acknowledgment(self):
        packet, sequence, acknowledgment = self.reset(
            tcp(data=b"12345", flags=TCP_ACK, sequence=1000, acknowledgment=77)
        )
        assert packet.tcp_flags == TCP_RST
        assert (sequence, acknowledgment) == (77, 0)

    @pytest.mark.parametrize(
        "data",
        [
            tcp(flags=TCP_RST),
            udp(),
            tcp(dst=packed("224.0.0.1")),
            ip(POD, PEER, 6, bytes(tcp()[34:]), more_fragments=True),
            ip(POD, PEER, 6, bytes(8), fragment_offset=8),
        ],
        ids=["reset", "udp", "multicast", "first fragment", "later fragment"],
    )
    def test_nothing_else_is_answered(self, data):
        assert tcp_reset(data, parse_packet(data)) is None
