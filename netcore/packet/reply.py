"""Frames that answer a frame: ARP, neighbour advertisement, echo, ICMP errors, TCP reset.

Each goes back to the MAC that sent the question. Each builder gives None where the question
deserves no answer, which includes questions that are malformed.
"""

from enum import StrEnum

from netcore.model.errors import PacketError
from netcore.packet.arp import ARP_REPLY, ARP_REQUEST, ArpHeader, parse_arp
from netcore.packet.checksum import Buffer
from netcore.packet.ethernet import EthernetHeader, is_group_mac
from netcore.packet.icmp import ICMP_ERROR_TYPES, IcmpHeader
from netcore.packet.icmpv6 import (
    NA_OVERRIDE,
    NA_ROUTER,
    NA_SOLICITED,
    NEIGHBOR_HOP_LIMIT,
    Icmpv6Header,
    NeighborBody,
    parse_neighbor,
)
from netcore.packet.ipv4 import DEFAULT_TTL, IPV4_HEADER_BYTES, Ipv4Header
from netcore.packet.ipv6 import IPV6_HEADER_BYTES, MINIMUM_MTU_BYTES, Ipv6Header
from netcore.packet.packet import Packet
from netcore.packet.protocols import (
    ETHERTYPE_ARP,
    ETHERTYPE_IPV4,
    ETHERTYPE_IPV6,
    ICMP_DESTINATION_UNREACHABLE,
    ICMP_TIME_EXCEEDED,
    ICMPV6_DESTINATION_UNREACHABLE,
    ICMPV6_NEIGHBOR_ADVERTISEMENT,
    ICMPV6_NEIGHBOR_SOLICITATION,
    ICMPV6_PACKET_TOO_BIG,
    ICMPV6_REDIRECT,
    ICMPV6_TIME_EXCEEDED,
    PROTOCOL_ICMP,
    PROTOCOL_ICMPV6,
    PROTOCOL_TCP,
    TCP_ACK,
    TCP_FIN,
    TCP_RST,
    TCP_SYN,
)
from netcore.packet.tcp import TcpHeader, parse_tcp

_ICMP_ERROR_BYTES = 576  # RFC 1812 section 4.3.2.3: at most, IP header included
_INTERNETWORK_CONTROL = 0xC0  # RFC 1812 section 4.3.2.5: precedence of ICMP errors
_UNSPECIFIED_IPV4 = b"\0\0\0\0"


class ErrorKind(StrEnum):
    """What an ICMP error says, whatever the IP version."""

    PORT_UNREACHABLE = "PORT_UNREACHABLE"
    HOST_UNREACHABLE = "HOST_UNREACHABLE"
    FRAGMENTATION_NEEDED = "FRAGMENTATION_NEEDED"
    TIME_EXCEEDED = "TIME_EXCEEDED"
    ADMINISTRATIVELY_PROHIBITED = "ADMINISTRATIVELY_PROHIBITED"


_ICMP_ERRORS = {
    ErrorKind.PORT_UNREACHABLE: (ICMP_DESTINATION_UNREACHABLE, 3),
    ErrorKind.HOST_UNREACHABLE: (ICMP_DESTINATION_UNREACHABLE, 1),
    ErrorKind.FRAGMENTATION_NEEDED: (ICMP_DESTINATION_UNREACHABLE, 4),
    ErrorKind.TIME_EXCEEDED: (ICMP_TIME_EXCEEDED, 0),
    ErrorKind.ADMINISTRATIVELY_PROHIBITED: (ICMP_DESTINATION_UNREACHABLE, 13),
}
_ICMPV6_ERRORS = {
    ErrorKind.PORT_UNREACHABLE: (ICMPV6_DESTINATION_UNREACHABLE, 4),
    ErrorKind.HOST_UNREACHABLE: (ICMPV6_DESTINATION_UNREACHABLE, 3),
    ErrorKind.FRAGMENTATION_NEEDED: (ICMPV6_PACKET_TOO_BIG, 0),
    ErrorKind.TIME_EXCEEDED: (ICMPV6_TIME_EXCEEDED, 0),
    ErrorKind.ADMINISTRATIVELY_PROHIBITED: (ICMPV6_DESTINATION_UNREACHABLE, 1),
}


def arp_reply(frame: Buffer, packet: Packet, mac: bytes) -> bytes | None:
    """Says that `mac` has the address that was asked for (RFC 826).

    None for what is no request, and for probes and announcements, in which a host asks for an
    address of its own: an answer would tell it of a conflict (RFC 5227 section 2.1.1).
    """
    try:
        request, _ = parse_arp(memoryview(frame)[packet.l3_offset :])
    except PacketError:
        return None
    if request.operation != ARP_REQUEST:
        return None
    if request.sender_ip in (_UNSPECIFIED_IPV4, request.target_ip):
        return None
    answer = ArpHeader(ARP_REPLY, mac, request.target_ip, request.sender_mac, request.sender_ip)
    return EthernetHeader(request.sender_mac, mac, ETHERTYPE_ARP).encode() + answer.encode()


def neighbor_advertisement(frame: Buffer, packet: Packet, mac: bytes) -> bytes | None:
    """Says that `mac`, a router, has the target that was solicited (RFC 4861 section 4.4).

    None for what is no valid solicitation, and for duplicate address detection, in which a host
    asks for an address of its own (RFC 4862 section 5.4).
    """
    if not _is_solicitation(packet) or not any(packet.src):
        return None
    try:
        solicitation, _ = parse_neighbor(_payload(frame, packet)[8:])
    except PacketError:
        return None
    target = solicitation.target
    if not _is_unicast(target):
        return None
    body = NeighborBody(target, target_mac=mac).encode()
    flags = NA_ROUTER | NA_SOLICITED | NA_OVERRIDE
    header = Icmpv6Header(ICMPV6_NEIGHBOR_ADVERTISEMENT, 0, flags)
    message = header.with_checksum(target, packet.src, body).encode() + body
    ip = Ipv6Header(target, packet.src, PROTOCOL_ICMPV6, len(message), NEIGHBOR_HOP_LIMIT)
    ethernet = EthernetHeader(packet.src_mac, mac, ETHERTYPE_IPV6)
    return ethernet.encode() + ip.encode() + message


def icmp_error(
    frame: Buffer, packet: Packet, kind: str, source: bytes, mtu_bytes: int = 0
) -> bytes | None:
    """An ICMP error about `packet`, from the packed address `source` of its family.

    `kind` is an ErrorKind or its name; `mtu_bytes` is what FRAGMENTATION_NEEDED tells (RFC 1191,
    RFC 4443 3.2). As much of the packet is quoted as RFC 1812 4.3.2.3 (576 bytes) and RFC 4443
    2.4(c) (1280 bytes) allow. None about an ICMP error or redirect, a fragment other than the
    first, and anything not from one host to one host (RFC 1122 3.2.2, RFC 4443 2.4(e)).
    """
    if packet.fragment_offset or _is_icmp_error(packet) or not _is_from_host_to_host(packet):
        return None
    if packet.ethertype == ETHERTYPE_IPV4:
        what, room = _ICMP_ERRORS[ErrorKind(kind)], _ICMP_ERROR_BYTES - IPV4_HEADER_BYTES - 8
    else:
        what, room = _ICMPV6_ERRORS[ErrorKind(kind)], MINIMUM_MTU_BYTES - IPV6_HEADER_BYTES - 8
    quoted = min(room, packet.ip_length)
    quote = bytes(frame[packet.l3_offset : packet.l3_offset + quoted])
    return _answer_icmp(packet, source, what, mtu_bytes, quote)


def tcp_reset(frame: Buffer, packet: Packet) -> bytes | None:
    """The reset with which a closed port answers a segment (RFC 9293 section 3.10.7.1).

    None for a reset, a fragment, and anything not from one host to one host.
    """
    if packet.protocol != PROTOCOL_TCP or packet.tcp_flags & TCP_RST:
        return None
    if _is_fragment(packet) or not _is_from_host_to_host(packet):
        return None
    segment, data = parse_tcp(_payload(frame, packet))
    if segment.flags & TCP_ACK:
        sequence, acknowledgment, flags = segment.acknowledgment, 0, TCP_RST
    else:
        length = len(data) + bool(segment.flags & TCP_SYN) + bool(segment.flags & TCP_FIN)
        sequence, acknowledgment = 0, (segment.sequence + length) & 0xFFFFFFFF
        flags = TCP_RST | TCP_ACK
    reset = TcpHeader(packet.dst_port, packet.src_port, sequence, acknowledgment, flags)
    reset = reset.with_checksum(packet.dst, packet.src, b"")
    return _answer(packet, packet.dst, PROTOCOL_TCP, reset.encode())


def _answer_icmp(
    packet: Packet, source: bytes, what: tuple[int, int], rest: int, body: bytes
) -> bytes:
    if packet.ethertype == ETHERTYPE_IPV4:
        header = IcmpHeader(*what, rest).with_checksum(body)
        tos = _INTERNETWORK_CONTROL if what[0] in ICMP_ERROR_TYPES else 0
        return _answer(packet, source, PROTOCOL_ICMP, header.encode() + body, tos)
    header6 = Icmpv6Header(*what, rest).with_checksum(source, packet.src, body)
    return _answer(packet, source, PROTOCOL_ICMPV6, header6.encode() + body)


def _answer(packet: Packet, source: bytes, protocol: int, payload: bytes, tos: int = 0) -> bytes:
    ethernet = EthernetHeader(packet.src_mac, packet.dst_mac, packet.ethertype).encode()
    if packet.ethertype == ETHERTYPE_IPV4:
        length = IPV4_HEADER_BYTES + len(payload)
        ip = Ipv4Header(source, packet.src, protocol, length, DEFAULT_TTL, tos, dont_fragment=True)
        return ethernet + ip.with_checksum().encode() + payload
    return ethernet + Ipv6Header(source, packet.src, protocol, len(payload)).encode() + payload


def _payload(frame: Buffer, packet: Packet) -> memoryview:
    return memoryview(frame)[packet.l4_offset : packet.l3_offset + packet.ip_length]


def _is_solicitation(packet: Packet) -> bool:
    """RFC 4861 section 7.1.1; RFC 6980 section 5 for fragments."""
    return (
        packet.protocol == PROTOCOL_ICMPV6
        and packet.icmp_type == ICMPV6_NEIGHBOR_SOLICITATION
        and packet.icmp_code == 0
        and packet.ttl == NEIGHBOR_HOP_LIMIT
        and not _is_fragment(packet)
    )


def _is_icmp_error(packet: Packet) -> bool:
    if packet.quoted is not None:
        return True
    # RFC 4443 2.1: types below 128 are errors, known here or not.
    is_icmpv6 = packet.protocol == PROTOCOL_ICMPV6 and packet.icmp_type >= 0
    return is_icmpv6 and (packet.icmp_type < 128 or packet.icmp_type == ICMPV6_REDIRECT)


def _is_fragment(packet: Packet) -> bool:
    return packet.more_fragments or packet.fragment_offset > 0


def _is_from_host_to_host(packet: Packet) -> bool:
    return (
        packet.ethertype in (ETHERTYPE_IPV4, ETHERTYPE_IPV6)
        and not is_group_mac(packet.dst_mac)
        and _is_unicast(packet.dst)
        and _is_unicast(packet.src)
    )


def _is_unicast(address: bytes) -> bool:
    """Whether it can be one host's: RFC 1122 section 3.2.1.3, RFC 4291 section 2."""
    if len(address) == 4:
        return 0 < address[0] < 0xE0
    return address[0] != 0xFF and any(address)
