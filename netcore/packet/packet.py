"""A frame as the packet path sees it: where it goes, what it carries, where its headers are.

`parse_packet` runs for every packet. It looks only at what a decision needs and leaves the
bytes where they are.
"""

import struct
from typing import NamedTuple

from netcore.model.address import text
from netcore.model.errors import BadHeader, TruncatedPacket
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
    TCP_FIN,
    TCP_PSH,
    TCP_RST,
    TCP_SYN,
)

Buffer = bytes | bytearray | memoryview

ETHERNET_BYTES = 14
_IPV4_BYTES = 20
_IPV6_BYTES = 40
_IPV4 = struct.Struct("!BxHxxHBBxx4s4s")  # version+ihl, length, fragment, ttl, protocol, src, dst
_IPV6 = struct.Struct("!IHBB16s16s")
_PORTS = struct.Struct("!HH")
_ETHERNET = struct.Struct("!6s6sH")

_DONT_FRAGMENT = 0x4000
_MORE_FRAGMENTS = 0x2000
_OFFSET_MASK = 0x1FFF

_ICMP_ECHO = frozenset({0, 8})
_ICMP_ERRORS = frozenset({3, 4, 5, 11, 12})
_ICMPV6_ECHO = frozenset({128, 129})
_ICMPV6_ERRORS = frozenset({1, 2, 3, 4})

_HOP_BY_HOP, _ROUTING, _FRAGMENT, _DESTINATION = 0, 43, 44, 60
_EXTENSIONS = frozenset({_HOP_BY_HOP, _ROUTING, _DESTINATION})
_MAX_EXTENSIONS = 8

_MINIMUM_L4_BYTES = {
    PROTOCOL_TCP: 20,
    PROTOCOL_UDP: 8,
    PROTOCOL_SCTP: 12,
    PROTOCOL_ICMP: 8,
    PROTOCOL_ICMPV6: 8,
}


class QuotedTuple(NamedTuple):
    """The flow of the packet that an ICMP error quotes, as it was when it was quoted."""

    protocol: int
    src: bytes
    dst: bytes
    src_port: int
    dst_port: int


class Packet(NamedTuple):
    """Addresses are packed (b"" when there is no IP), ports in host order.

    ICMP echo has its identifier as both ports; other ICMP, and fragments other than the
    first, have ports 0. `icmp_type` and `icmp_code` are -1 where there is no ICMP header.
    `ip_length` is the length of the whole IP packet as its header states it. Offsets count
    from the start of the frame that was parsed.
    """

    dst_mac: bytes
    src_mac: bytes
    ethertype: int
    src: bytes
    dst: bytes
    protocol: int
    src_port: int
    dst_port: int
    icmp_type: int
    icmp_code: int
    tcp_flags: int
    ttl: int
    dont_fragment: bool
    fragment_offset: int
    more_fragments: bool
    l3_offset: int
    l4_offset: int
    ip_length: int
    quoted: QuotedTuple | None


def parse_packet(frame: Buffer, offset: int = 0) -> Packet:
    """The Ethernet frame that starts at `offset`, up to the end of the buffer.

    Anything but IPv4, IPv6 and ARP gives a Packet without addresses; an ARP packet has its
    sender and target as addresses. Raises TruncatedPacket or BadHeader, nothing else.
    Source: IEEE 802.3, RFC 791, RFC 8200, RFC 826.
    """
    if len(frame) < offset + ETHERNET_BYTES:
        raise TruncatedPacket(f"Ethernet header: {len(frame) - offset} bytes")
    dst_mac, src_mac, ethertype = _ETHERNET.unpack_from(frame, offset)
    l3 = offset + ETHERNET_BYTES
    if ethertype == ETHERTYPE_IPV4:
        return _parse_ipv4(frame, l3, dst_mac, src_mac)
    if ethertype == ETHERTYPE_IPV6:
        return _parse_ipv6(frame, l3, dst_mac, src_mac)
    src = dst = b""
    if ethertype == ETHERTYPE_ARP:
        if len(frame) < l3 + 28:
            raise TruncatedPacket(f"ARP: {len(frame) - l3} of 28 bytes")
        src, dst = bytes(frame[l3 + 14 : l3 + 18]), bytes(frame[l3 + 24 : l3 + 28])
    return Packet(
        dst_mac, src_mac, ethertype, src, dst, 0, 0, 0, -1, -1, 0, 0, False, 0, False,
        l3, l3, len(frame) - l3, None,
    )  # fmt: skip


def _parse_ipv4(frame: Buffer, l3: int, dst_mac: bytes, src_mac: bytes) -> Packet:
    if len(frame) < l3 + _IPV4_BYTES:
        raise TruncatedPacket(f"IPv4 header: {len(frame) - l3} bytes")
    version_ihl, length, fragment, ttl, protocol, src, dst = _IPV4.unpack_from(frame, l3)
    header = (version_ihl & 0xF) * 4
    if version_ihl >> 4 != 4 or header < _IPV4_BYTES or length < header:
        raise BadHeader(f"IPv4: version and IHL {version_ihl:#04x}, total length {length}")
    if len(frame) < l3 + length:
        raise TruncatedPacket(f"IPv4: {len(frame) - l3} of {length} bytes")
    l4 = l3 + header
    position = (fragment & _OFFSET_MASK) * 8
    first = (0, 0, -1, -1, 0, None) if position else _parse_l4(frame, l4, l3 + length, protocol)
    src_port, dst_port, icmp_type, icmp_code, flags, quoted = first
    return Packet(
        dst_mac, src_mac, ETHERTYPE_IPV4, src, dst, protocol, src_port, dst_port,
        icmp_type, icmp_code, flags, ttl, bool(fragment & _DONT_FRAGMENT), position,
        bool(fragment & _MORE_FRAGMENTS), l3, l4, length, quoted,
    )  # fmt: skip


def _parse_ipv6(frame: Buffer, l3: int, dst_mac: bytes, src_mac: bytes) -> Packet:
    if len(frame) < l3 + _IPV6_BYTES:
        raise TruncatedPacket(f"IPv6 header: {len(frame) - l3} bytes")
    word, payload, protocol, ttl, src, dst = _IPV6.unpack_from(frame, l3)
    if word >> 28 != 6:
        raise BadHeader(f"IPv6: version {word >> 28}")
    end = l3 + _IPV6_BYTES + payload
    if len(frame) < end:
        raise TruncatedPacket(f"IPv6: {len(frame) - l3} of {end - l3} bytes")
    l4, protocol, position, more = _skip_extensions(frame, l3 + _IPV6_BYTES, end, protocol)
    first = (0, 0, -1, -1, 0, None) if position else _parse_l4(frame, l4, end, protocol)
    src_port, dst_port, icmp_type, icmp_code, flags, quoted = first
    return Packet(
        dst_mac, src_mac, ETHERTYPE_IPV6, src, dst, protocol, src_port, dst_port,
        icmp_type, icmp_code, flags, ttl, True, position, more, l3, l4, end - l3, quoted,
    )  # fmt: skip


def _skip_extensions(frame: Buffer, at: int, end: int, protocol: int) -> tuple[int, int, int, bool]:
    """(start of the upper layer, its protocol, fragment offset, more fragments)."""
    position, more = 0, False
    for _ in range(_MAX_EXTENSIONS):
        if protocol in _EXTENSIONS:
            if at + 8 > end:
                raise TruncatedPacket("IPv6 extension header")
            protocol, at = frame[at], at + (frame[at + 1] + 1) * 8
        elif protocol == _FRAGMENT:
            if at + 8 > end:
                raise TruncatedPacket("IPv6 fragment header")
            field = frame[at + 2] << 8 | frame[at + 3]
            position, more = field & 0xFFF8, bool(field & 1)
            protocol, at = frame[at], at + 8
            if position:  # what follows is the middle of something
                return at, protocol, position, more
        else:
            return at, protocol, position, more
    raise BadHeader(f"IPv6: more than {_MAX_EXTENSIONS} extension headers")


_L4 = tuple[int, int, int, int, int, QuotedTuple | None]


def _parse_l4(frame: Buffer, l4: int, end: int, protocol: int) -> _L4:
    minimum = _MINIMUM_L4_BYTES.get(protocol)
    if minimum is None:
        return 0, 0, -1, -1, 0, None
    if l4 + minimum > end:
        raise TruncatedPacket(f"protocol {protocol}: {end - l4} of {minimum} bytes")
    if protocol == PROTOCOL_TCP:
        src_port, dst_port = _PORTS.unpack_from(frame, l4)
        return src_port, dst_port, -1, -1, frame[l4 + 13], None
    if protocol in (PROTOCOL_ICMP, PROTOCOL_ICMPV6):
        return _parse_icmp(frame, l4, end, protocol)
    src_port, dst_port = _PORTS.unpack_from(frame, l4)
    return src_port, dst_port, -1, -1, 0, None


def _parse_icmp(frame: Buffer, l4: int, end: int, protocol: int) -> _L4:
    kind, code = frame[l4], frame[l4 + 1]
    echo, errors = (
        (_ICMP_ECHO, _ICMP_ERRORS) if protocol == PROTOCOL_ICMP else (_ICMPV6_ECHO, _ICMPV6_ERRORS)
    )
    if kind in echo:
        identifier = frame[l4 + 4] << 8 | frame[l4 + 5]
        return identifier, identifier, kind, code, 0, None
    quoted = _parse_quoted(frame, l4 + 8, end, protocol) if kind in errors else None
    return 0, 0, kind, code, 0, quoted


def _parse_quoted(frame: Buffer, l3: int, end: int, protocol: int) -> QuotedTuple | None:
    """None when too little is quoted to name a flow."""
    if protocol == PROTOCOL_ICMP:
        if l3 + _IPV4_BYTES > end:
            return None
        version_ihl, _, fragment, _, inner, src, dst = _IPV4.unpack_from(frame, l3)
        l4 = l3 + (version_ihl & 0xF) * 4
        if version_ihl >> 4 != 4 or fragment & _OFFSET_MASK:
            return None
    else:
        if l3 + _IPV6_BYTES > end:
            return None
        _, _, inner, _, src, dst = _IPV6.unpack_from(frame, l3)
        l4 = l3 + _IPV6_BYTES
    if l4 + 8 > end:
        return None
    if inner in (PROTOCOL_ICMP, PROTOCOL_ICMPV6):
        identifier = frame[l4 + 4] << 8 | frame[l4 + 5]
        return QuotedTuple(inner, src, dst, identifier, identifier)
    src_port, dst_port = _PORTS.unpack_from(frame, l4)
    return QuotedTuple(inner, src, dst, src_port, dst_port)


_FLAG_NAMES = (
    (TCP_SYN, "SYN"), (TCP_FIN, "FIN"), (TCP_RST, "RST"), (TCP_PSH, "PSH"), (TCP_ACK, "ACK"),
)  # fmt: skip
_ICMP_NAMES = {0: "EchoReply", 3: "DestinationUnreachable", 8: "EchoRequest", 11: "TimeExceeded"}
_ICMPV6_NAMES = {
    1: "DestinationUnreachable", 2: "PacketTooBig", 3: "TimeExceeded", 128: "EchoRequest",
    129: "EchoReply", 133: "RouterSolicitation", 135: "NeighborSolicitation",
    136: "NeighborAdvertisement",
}  # fmt: skip


def describe(packet: Packet) -> str:
    """One line for people: `TCP SYN 10.244.1.2:40000 -> 10.96.0.5:80, 60 bytes`."""
    if packet.ethertype == ETHERTYPE_ARP:
        return f"ARP who-has {text(packet.dst)} tell {text(packet.src)}"
    if not packet.src:
        return f"EtherType {packet.ethertype:#06x}, {packet.ip_length} bytes"
    src, dst, size = text(packet.src), text(packet.dst), f"{packet.ip_length} bytes"
    if packet.fragment_offset:
        return f"fragment at {packet.fragment_offset} {src} -> {dst}, {size}"
    if packet.protocol in (PROTOCOL_ICMP, PROTOCOL_ICMPV6):
        version = "v4" if packet.protocol == PROTOCOL_ICMP else "v6"
        names = _ICMP_NAMES if packet.protocol == PROTOCOL_ICMP else _ICMPV6_NAMES
        return (
            f"ICMP{version} {names.get(packet.icmp_type, packet.icmp_type)} {src} -> {dst}, {size}"
        )
    ends = f"{_end(src, packet.src_port)} -> {_end(dst, packet.dst_port)}"
    if packet.protocol == PROTOCOL_TCP:
        flags = ",".join(name for bit, name in _FLAG_NAMES if packet.tcp_flags & bit)
        return f"TCP {flags or 'none'} {ends}, {size}"
    name = {PROTOCOL_UDP: "UDP", PROTOCOL_SCTP: "SCTP"}.get(packet.protocol)
    return (
        f"{name} {ends}, {size}" if name else f"protocol {packet.protocol} {src} -> {dst}, {size}"
    )


def _end(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
