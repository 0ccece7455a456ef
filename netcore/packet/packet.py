"""A frame as the packet path sees it: where it goes, what it carries, where its headers are.

`parse_packet` runs for every packet, so it looks only at what a decision needs, leaves the
bytes where they are and gives a NamedTuple (a frozen dataclass of this size takes seven times
as long to make). Checksums are not verified: they are only ever updated incrementally, which
keeps a wrong one wrong until the receiver finds it.
"""

import struct
from typing import NamedTuple

from netcore.model.errors import BadHeader, TruncatedPacket
from netcore.packet.arp import parse_arp
from netcore.packet.checksum import Buffer
from netcore.packet.ethernet import ETHERNET_HEADER_BYTES
from netcore.packet.icmp import ICMP_ECHO_TYPES, ICMP_ERROR_TYPES
from netcore.packet.icmpv6 import ICMPV6_ECHO_TYPES, ICMPV6_ERROR_TYPES
from netcore.packet.ipv4 import IPV4_HEADER_BYTES, check_ipv4_lengths
from netcore.packet.ipv6 import IPV6_HEADER_BYTES, walk_extensions
from netcore.packet.protocols import (
    ETHERTYPE_ARP,
    ETHERTYPE_IPV4,
    ETHERTYPE_IPV6,
    PROTOCOL_ICMP,
    PROTOCOL_ICMPV6,
    PROTOCOL_SCTP,
    PROTOCOL_TCP,
    PROTOCOL_UDP,
    protocol_name,
)

QUOTE_OFFSET_BYTES = 8
"""From the start of an ICMP error to the packet that it quotes."""

_ETHERNET = struct.Struct("!6s6sH")
_IPV4 = struct.Struct("!BxHHHBBxx4s4s")  # version+IHL, length, id, fragment, TTL, protocol, ends
_IPV6 = struct.Struct("!IHBB16s16s")
_UPPER = struct.Struct("!HHH2x")  # ports, and the length that UDP has in third place

# All of the above at once, for IPv4 without options: most packets there are.
_COMMON = struct.Struct("!6s6sH BxHxxHBBxx4s4s HHH2x").unpack_from
_NO_OPTIONS = 0x45
_COMMON_L4 = ETHERNET_HEADER_BYTES + IPV4_HEADER_BYTES
_COMMON_BYTES = 40  # with room for a TCP header; shorter datagrams take the long way
_TCP_SIZE = _COMMON_L4 + 12  # of TCP's data offset; the flags follow

_DONT_FRAGMENT = 0x4000
_MORE_FRAGMENTS = 0x2000
_FRAGMENT_OFFSET = 0x1FFF
_FRAGMENTED = _MORE_FRAGMENTS | _FRAGMENT_OFFSET

_UPPER_HEADER_BYTES = {
    PROTOCOL_TCP: 20,
    PROTOCOL_UDP: 8,
    PROTOCOL_SCTP: 12,
    PROTOCOL_ICMP: 8,
    PROTOCOL_ICMPV6: 8,
}


class QuotedTuple(NamedTuple):
    """The flow of the packet that an ICMP error quotes, as it was when it was quoted.

    Ports are as in Packet.
    """

    protocol: int
    src: bytes
    dst: bytes
    src_port: int
    dst_port: int


class Packet(NamedTuple):
    """Addresses are packed, ports in host order, lengths and offsets in bytes.

    `src` and `dst` are those of the IP header, in ARP sender and target, else empty.
    `protocol` is the one behind all extension headers, 0 without IP. ICMP echo has its
    identifier as both ports; other ICMP, protocols without ports, and fragments other than the
    first have ports 0. `icmp_type` and `icmp_code` are -1 and `tcp_flags` 0 where there is no
    such header. IPv6 packets count as `dont_fragment`, for no router may cut them.
    `l3_offset` and `l4_offset` count from the start of the buffer that was parsed, `ip_length`
    is that of the whole IP packet as its header states it: bytes behind it are padding.
    `quoted` is set for ICMP errors and nothing else. `identification` tells which datagram a
    fragment is of; it is 0 for IPv4 packets that are whole, where it has no meaning (RFC 6864),
    and without an IPv6 fragment header. What a frame's bytes do not tell, netcore.packet.offload
    adds: `segment_bytes` is the length of the largest IP packet that a super-packet is to be cut
    into (0: it is no super-packet), `checksum_partial` says that the upper layer's checksum is
    yet to be filled in.
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
    identification: int = 0
    segment_bytes: int = 0
    checksum_partial: bool = False

    @property
    def wire_bytes(self) -> int:
        """The length of the largest IP packet that a wire will see of this one."""
        return self.segment_bytes or self.ip_length


class _Network(NamedTuple):
    src: bytes
    dst: bytes
    protocol: int
    ttl: int
    dont_fragment: bool
    fragment_offset: int
    more_fragments: bool
    l4_offset: int
    length: int
    identification: int


class _Upper(NamedTuple):
    src_port: int = 0
    dst_port: int = 0
    icmp_type: int = -1
    icmp_code: int = -1
    tcp_flags: int = 0
    quoted: QuotedTuple | None = None


_NO_UPPER = _Upper()


def parse_packet(frame: Buffer, offset: int = 0) -> Packet:
    """The Ethernet frame that starts at `offset` and reaches to the end of the buffer.

    Raises TruncatedPacket or BadHeader, nothing else: also for an ICMP error whose quote names
    no flow, for upper-layer headers that are cut in two by fragmentation (RFC 1858, RFC 7112),
    and for lengths that contradict each other.
    Source: IEEE 802.3, RFC 791, RFC 8200, RFC 826.
    """
    try:
        (
            dst_mac, src_mac, ethertype, version_ihl, length, fragment, ttl, protocol, src, dst,
            src_port, dst_port, third,
        ) = _COMMON(frame, offset)  # fmt: skip
    except struct.error:  # a short frame
        return _parse_any(frame, offset)
    if (
        ethertype != ETHERTYPE_IPV4
        or version_ihl != _NO_OPTIONS
        or fragment & _FRAGMENTED
        or not _COMMON_BYTES <= length <= len(frame) - offset - ETHERNET_HEADER_BYTES
    ):
        return _parse_any(frame, offset)
    room, flags = length - IPV4_HEADER_BYTES, 0
    if protocol == PROTOCOL_TCP and 20 <= frame[offset + _TCP_SIZE] >> 2 & 0x3C <= room:
        flags = frame[offset + _TCP_SIZE + 1]
    elif protocol != PROTOCOL_UDP or not 8 <= third <= room:
        return _parse_any(frame, offset)
    return Packet(
        dst_mac, src_mac, ethertype, src, dst, protocol, src_port, dst_port, -1, -1, flags, ttl,
        fragment & _DONT_FRAGMENT != 0, 0, False,
        offset + ETHERNET_HEADER_BYTES, offset + _COMMON_L4, length, None,
    )  # fmt: skip


def _parse_any(frame: Buffer, offset: int) -> Packet:
    """parse_packet for every kind of frame, and with a reason for every refusal."""
    l3, end = offset + ETHERNET_HEADER_BYTES, len(frame)
    if end < l3:
        raise TruncatedPacket(f"Ethernet header needs 14 bytes, frame has {end - offset}")
    dst_mac, src_mac, ethertype = _ETHERNET.unpack_from(frame, offset)
    if ethertype not in (ETHERTYPE_IPV4, ETHERTYPE_IPV6):
        return _parse_link(frame, l3, dst_mac, src_mac, ethertype)
    network = _parse_network(frame, l3, end, ethertype)
    if l3 + network.length > end:
        raise TruncatedPacket(f"IP packet is {network.length} bytes, there are {end - l3}")
    upper = _parse_upper(frame, l3 + network.length, ethertype, network)
    return _packet(dst_mac, src_mac, ethertype, l3, network, upper)


def parse_quote(frame: Buffer, start: int, end: int, ethertype: int) -> Packet:
    """The packet that an ICMP error quotes in frame[start:end]; its MACs are empty.

    A quote may end anywhere behind the first 8 bytes of the upper layer (RFC 792), so
    `ip_length` may reach beyond `end` and TCP flags are 0. Raises TruncatedPacket or BadHeader.
    """
    network = _parse_network(frame, start, end, ethertype)
    upper = _NO_UPPER
    if network.protocol in _UPPER_HEADER_BYTES and not network.fragment_offset:
        if network.l4_offset + 8 > end:
            raise TruncatedPacket("an ICMP error quotes less than 8 bytes behind the IP header")
        upper = _parse_quoted_upper(frame, ethertype, network)
    return _packet(b"", b"", ethertype, start, network, upper)


def _packet(
    dst_mac: bytes, src_mac: bytes, ethertype: int, l3: int, network: _Network, upper: _Upper
) -> Packet:
    return Packet(
        dst_mac, src_mac, ethertype, network.src, network.dst, network.protocol,
        upper.src_port, upper.dst_port, upper.icmp_type, upper.icmp_code, upper.tcp_flags,
        network.ttl, network.dont_fragment, network.fragment_offset, network.more_fragments,
        l3, network.l4_offset, network.length, upper.quoted, network.identification,
    )  # fmt: skip


def _parse_link(frame: Buffer, l3: int, dst_mac: bytes, src_mac: bytes, ethertype: int) -> Packet:
    src = dst = b""
    if ethertype == ETHERTYPE_ARP:
        arp, _ = parse_arp(memoryview(frame)[l3:])
        src, dst = arp.sender_ip, arp.target_ip
    return Packet(
        dst_mac, src_mac, ethertype, src, dst, 0, 0, 0, -1, -1, 0, 0,
        False, 0, False, l3, l3, len(frame) - l3, None,
    )  # fmt: skip


def _parse_network(frame: Buffer, l3: int, end: int, ethertype: int) -> _Network:
    if ethertype == ETHERTYPE_IPV4:
        return _parse_ipv4(frame, l3, end)
    return _parse_ipv6(frame, l3, end)


def _parse_ipv4(frame: Buffer, l3: int, end: int) -> _Network:
    if l3 + IPV4_HEADER_BYTES > end:
        raise TruncatedPacket(f"IPv4 header needs 20 bytes, there are {end - l3}")
    version_ihl, length, identification, fragment, ttl, protocol, src, dst = _IPV4.unpack_from(
        frame, l3
    )
    size = check_ipv4_lengths(version_ihl, length)
    if l3 + size > end:
        raise TruncatedPacket(f"IPv4 header is {size} bytes, there are {end - l3}")
    return _Network(
        src, dst, protocol, ttl, bool(fragment & _DONT_FRAGMENT),
        (fragment & _FRAGMENT_OFFSET) * 8, bool(fragment & _MORE_FRAGMENTS), l3 + size, length,
        identification if fragment & _FRAGMENTED else 0,
    )  # fmt: skip


def _parse_ipv6(frame: Buffer, l3: int, end: int) -> _Network:
    if l3 + IPV6_HEADER_BYTES > end:
        raise TruncatedPacket(f"IPv6 header needs 40 bytes, there are {end - l3}")
    word, payload_length, next_header, ttl, src, dst = _IPV6.unpack_from(frame, l3)
    if word >> 28 != 6:
        raise BadHeader(f"IP version {word >> 28} in an IPv6 header")
    payload, length = l3 + IPV6_HEADER_BYTES, IPV6_HEADER_BYTES + payload_length
    protocol, l4, fragment = walk_extensions(frame, payload, min(end, l3 + length), next_header)
    position, more, identification = (
        (fragment.fragment_offset, fragment.more_fragments, fragment.identification)
        if fragment
        else (0, False, 0)
    )
    return _Network(src, dst, protocol, ttl, True, position, more, l4, length, identification)


def _parse_upper(frame: Buffer, end: int, ethertype: int, network: _Network) -> _Upper:
    needed = _UPPER_HEADER_BYTES.get(network.protocol)
    if needed is None or network.fragment_offset:
        return _NO_UPPER
    l4, protocol = network.l4_offset, network.protocol
    if l4 + needed > end:
        name = protocol_name(protocol)
        raise TruncatedPacket(f"{name} header needs {needed} bytes, there are {end - l4}")
    if protocol in (PROTOCOL_ICMP, PROTOCOL_ICMPV6):
        return _parse_icmp(frame, l4, end, ethertype, protocol)
    src_port, dst_port, third = _UPPER.unpack_from(frame, l4)
    if protocol == PROTOCOL_TCP:
        header_bytes = frame[l4 + 12] >> 2 & 0x3C
        if not 20 <= header_bytes <= end - l4:
            raise BadHeader(f"TCP header of {header_bytes} bytes in {end - l4}")
        return _Upper(src_port, dst_port, tcp_flags=frame[l4 + 13])
    if protocol == PROTOCOL_UDP and (
        third < 8 or (third > end - l4 and not network.more_fragments)
    ):
        raise BadHeader(f"UDP length {third} in {end - l4} bytes")
    return _Upper(src_port, dst_port)


def _parse_icmp(frame: Buffer, l4: int, end: int, ethertype: int, protocol: int) -> _Upper:
    echo_types, error_types = _icmp_types(ethertype, protocol)
    kind, code = frame[l4], frame[l4 + 1]
    if kind in echo_types:
        identifier = frame[l4 + 4] << 8 | frame[l4 + 5]
        return _Upper(identifier, identifier, kind, code)
    if kind not in error_types:
        # One family's ICMP inside the other's IP is just some protocol without ports.
        return _Upper(0, 0, kind, code) if echo_types else _NO_UPPER
    quote = parse_quote(frame, l4 + QUOTE_OFFSET_BYTES, end, ethertype)
    quoted = QuotedTuple(quote.protocol, quote.src, quote.dst, quote.src_port, quote.dst_port)
    return _Upper(0, 0, kind, code, quoted=quoted)


def _parse_quoted_upper(frame: Buffer, ethertype: int, network: _Network) -> _Upper:
    l4, protocol = network.l4_offset, network.protocol
    if protocol not in (PROTOCOL_ICMP, PROTOCOL_ICMPV6):
        src_port, dst_port, _ = _UPPER.unpack_from(frame, l4)
        return _Upper(src_port, dst_port)
    echo_types, _ = _icmp_types(ethertype, protocol)
    if not echo_types:
        return _NO_UPPER
    identifier = frame[l4 + 4] << 8 | frame[l4 + 5] if frame[l4] in echo_types else 0
    return _Upper(identifier, identifier, frame[l4], frame[l4 + 1])


def _icmp_types(ethertype: int, protocol: int) -> tuple[frozenset[int], frozenset[int]]:
    """(echo types, error types) of the ICMP that belongs to the IP version, else nothing."""
    if ethertype == ETHERTYPE_IPV4 and protocol == PROTOCOL_ICMP:
        return ICMP_ECHO_TYPES, ICMP_ERROR_TYPES
    if ethertype == ETHERTYPE_IPV6 and protocol == PROTOCOL_ICMPV6:
        return ICMPV6_ECHO_TYPES, ICMPV6_ERROR_TYPES
    return frozenset(), frozenset()
