"""Frames that answer a frame: ARP, neighbour advertisement, ICMP errors, TCP reset."""

import struct

from netcore.packet.checksum import internet_checksum, pseudo_header_sum
from netcore.packet.packet import ETHERNET_BYTES, Buffer, Packet
from netcore.packet.protocols import (
    ETHERTYPE_ARP,
    ETHERTYPE_IPV4,
    ETHERTYPE_IPV6,
    ICMPV6_NEIGHBOR_ADVERTISEMENT,
    PROTOCOL_ICMP,
    PROTOCOL_ICMPV6,
    PROTOCOL_TCP,
    TCP_ACK,
    TCP_FIN,
    TCP_RST,
    TCP_SYN,
)
from netcore.packet.rewrite import seal_icmp

_ARP_REQUEST = 1
_ARP_REPLY = 2
_HOP_LIMIT = 64
_IPV6_MINIMUM_MTU = 1280
_ICMPV4_QUOTE_BYTES = 548  # RFC 1812 4.3.2.3: as much as fits a datagram of 576 bytes

ICMP_ERRORS = {
    "PORT_UNREACHABLE": ((3, 3), (1, 4)),
    "HOST_UNREACHABLE": ((3, 1), (1, 3)),
    "FRAGMENTATION_NEEDED": ((3, 4), (2, 0)),
    "TIME_EXCEEDED": ((11, 0), (3, 0)),
}
"""Kind -> (ICMP type and code, ICMPv6 type and code). RFC 792, 1812, 4443."""


def arp_reply(frame: Buffer, packet: Packet, mac: bytes) -> bytes | None:
    """`mac` has the address that was asked for. None for what is no request, and for probes
    and announcements, in which a host asks for an address of its own (RFC 5227).
    """
    l3 = packet.l3_offset
    operation = int.from_bytes(frame[l3 + 6 : l3 + 8])
    if operation != _ARP_REQUEST or packet.src in (packet.dst, b"\0\0\0\0"):
        return None
    asker = bytes(frame[l3 + 8 : l3 + 14])
    body = struct.pack("!HHBBH", 1, ETHERTYPE_IPV4, 6, 4, _ARP_REPLY)
    body += mac + packet.dst + asker + packet.src
    return _ethernet(asker, mac, ETHERTYPE_ARP) + body


def neighbor_advertisement(frame: Buffer, packet: Packet, mac: bytes) -> bytes | None:
    """`mac` has the target of a solicitation. None for duplicate address detection and for a
    solicitation that is too short. Source: RFC 4861 section 4.4.
    """
    l4 = packet.l4_offset
    if packet.ip_length - (l4 - packet.l3_offset) < 24 or not any(packet.src):
        return None
    target = bytes(frame[l4 + 8 : l4 + 24])
    body = struct.pack("!BBHI", ICMPV6_NEIGHBOR_ADVERTISEMENT, 0, 0, 0x60000000)
    body += target + b"\x02\x01" + mac
    ip = _ipv6_header(target, packet.src, PROTOCOL_ICMPV6, len(body), hop_limit=255)
    answer = bytearray(_ethernet(packet.src_mac, mac, ETHERTYPE_IPV6) + ip + body)
    seal_icmp(answer, ETHERNET_BYTES, ETHERNET_BYTES + 40, len(answer), PROTOCOL_ICMPV6)
    return bytes(answer)


def icmp_error(
    frame: Buffer, packet: Packet, kind: str, source: bytes, mtu_bytes: int = 0
) -> bytes | None:
    """An ICMP error about `frame` to its sender, from the packed address `source`.

    None where RFC 1122 3.2.2 and RFC 4443 2.4(e) forbid one: about an ICMP error, a fragment
    other than the first, or what was sent to a group.
    """
    if packet.fragment_offset or packet.quoted is not None or _is_group(packet):
        return None
    v4, v6 = ICMP_ERRORS[kind]
    original = bytes(frame[packet.l3_offset : packet.l3_offset + packet.ip_length])
    if packet.ethertype == ETHERTYPE_IPV4:
        body = struct.pack("!BBHHH", *v4, 0, 0, mtu_bytes) + original[:_ICMPV4_QUOTE_BYTES]
        ip = _ipv4_header(source, packet.src, PROTOCOL_ICMP, len(body))
        protocol, ethertype = PROTOCOL_ICMP, ETHERTYPE_IPV4
    else:
        room = _IPV6_MINIMUM_MTU - 40 - 8
        body = struct.pack("!BBHI", *v6, 0, mtu_bytes) + original[:room]
        ip = _ipv6_header(source, packet.src, PROTOCOL_ICMPV6, len(body))
        protocol, ethertype = PROTOCOL_ICMPV6, ETHERTYPE_IPV6
    answer = bytearray(_ethernet(packet.src_mac, packet.dst_mac, ethertype) + ip + body)
    l4 = ETHERNET_BYTES + len(ip)
    seal_icmp(answer, ETHERNET_BYTES, l4, len(answer), protocol)
    return bytes(answer)


def tcp_reset(frame: Buffer, packet: Packet) -> bytes | None:
    """The reset that a closed port answers a segment with; None for a reset.

    Sequence and acknowledgement numbers as in RFC 9293 section 3.10.7.1.
    """
    if packet.tcp_flags & TCP_RST:
        return None
    l4 = packet.l4_offset
    sequence, acknowledgement = struct.unpack_from("!II", frame, l4 + 4)
    header_bytes = (frame[l4 + 12] >> 4) * 4
    payload = packet.ip_length - (l4 - packet.l3_offset) - header_bytes
    if packet.tcp_flags & TCP_ACK:
        numbers, flags = (acknowledgement, 0), TCP_RST
    else:
        length = payload + bool(packet.tcp_flags & TCP_SYN) + bool(packet.tcp_flags & TCP_FIN)
        numbers, flags = (0, (sequence + length) & 0xFFFFFFFF), TCP_RST | TCP_ACK
    segment = bytearray(
        struct.pack(
            "!HHIIBBHHH", packet.dst_port, packet.src_port, *numbers, 5 << 4, flags, 0, 0, 0
        )
    )
    initial = pseudo_header_sum(packet.dst, packet.src, PROTOCOL_TCP, len(segment))
    struct.pack_into("!H", segment, 16, internet_checksum(segment, initial))
    if packet.ethertype == ETHERTYPE_IPV4:
        ip = _ipv4_header(packet.dst, packet.src, PROTOCOL_TCP, len(segment))
    else:
        ip = _ipv6_header(packet.dst, packet.src, PROTOCOL_TCP, len(segment))
    return _ethernet(packet.src_mac, packet.dst_mac, packet.ethertype) + ip + bytes(segment)


def _is_group(packet: Packet) -> bool:
    first = packet.dst[0]
    return first == 0xFF if len(packet.dst) == 16 else first >= 0xE0


def _ethernet(dst: bytes, src: bytes, ethertype: int) -> bytes:
    return dst + src + ethertype.to_bytes(2)


def _ipv4_header(src: bytes, dst: bytes, protocol: int, payload: int) -> bytes:
    header = bytearray(
        struct.pack("!BBHHHBBH", 0x45, 0, 20 + payload, 0, 0x4000, _HOP_LIMIT, protocol, 0)
        + src
        + dst
    )
    struct.pack_into("!H", header, 10, internet_checksum(header))
    return bytes(header)


def _ipv6_header(
    src: bytes, dst: bytes, protocol: int, payload: int, hop_limit: int = _HOP_LIMIT
) -> bytes:
    return struct.pack("!IHBB", 6 << 28, payload, protocol, hop_limit) + src + dst
