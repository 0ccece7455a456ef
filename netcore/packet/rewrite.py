"""Address and port translation in place, with incremental checksums (RFC 1624, RFC 3022).

Theory of operation: what a field loses and gains changes a ones' complement checksum by
`old - new` modulo 0xFFFF (see netcore.packet.checksum). So every step here writes its fields
and returns that difference as a plain integer; differences add up, and each checksum is read
and written once.
"""

import struct
from dataclasses import dataclass

from netcore.packet.checksum import update_checksum, update_crc32c
from netcore.packet.icmp import ICMP_ECHO_TYPES
from netcore.packet.icmpv6 import ICMPV6_ECHO_TYPES
from netcore.packet.packet import QUOTE_OFFSET_BYTES, Packet, parse_quote
from netcore.packet.protocols import (
    ETHERTYPE_IPV4,
    PROTOCOL_ICMPV6,
    PROTOCOL_SCTP,
    PROTOCOL_TCP,
    PROTOCOL_UDP,
)

WritableBuffer = bytearray | memoryview

_WORD = struct.Struct("!H")
_read_word, _write_word = _WORD.unpack_from, _WORD.pack_into
_PORTS = struct.Struct("!HH")
_CRC = struct.Struct("<I")  # RFC 9260 appendix A: little-endian
_CHECKSUM_OFFSETS = {PROTOCOL_TCP: 16, PROTOCOL_UDP: 6}
_TTL_STEP = 0x100  # the TTL is the high byte of its word


@dataclass(frozen=True, slots=True)
class Rewrite:
    """What changes; None: stays. Addresses are packed and of the packet's own family.

    For ICMP echo `src_port` (else `dst_port`) is the new identifier; packets without ports
    keep to the addresses.
    """

    src: bytes | None
    src_port: int | None
    dst: bytes | None
    dst_port: int | None
    decrement_ttl: bool


def set_macs(frame: WritableBuffer, dst: bytes, src: bytes) -> None:
    """Give the frame another destination and source (6 bytes each)."""
    frame[0:12] = dst + src


def apply_rewrite(frame: WritableBuffer, packet: Packet, rewrite: Rewrite) -> None:
    """Change the frame that `packet` was parsed from, and every checksum that covers it.

    `packet` must describe the frame as it is; the TTL must be at least 1 when it is to be
    decremented. A UDP checksum of 0 (none) stays 0, a computed 0 becomes 0xFFFF (RFC 768).
    Fragments other than the first have only their IP header changed. The CRC of an SCTP packet
    that is fragmented cannot be told from its first part: it stays, and the receiver drops the
    packet if its ports were changed.
    """
    _rewrite(frame, packet, rewrite, packet.l3_offset + packet.ip_length)


def rewrite_quoted(frame: WritableBuffer, packet: Packet, rewrite: Rewrite) -> None:
    """Change the packet that an ICMP error quotes, and the error's checksum with it.

    `rewrite` is in terms of the quoted packet's own direction. Checksums inside the quote are
    kept right as far as they are quoted. The outer header stays: `packet` remains true and
    `apply_rewrite` is for that. Source: RFC 5508 section 4.2.
    """
    if packet.quoted is None:
        return
    start = packet.l4_offset + QUOTE_OFFSET_BYTES
    end = packet.l3_offset + packet.ip_length
    before = bytes(frame[start:end])
    _rewrite(frame, parse_quote(frame, start, end, packet.ethertype), rewrite, end)
    at = packet.l4_offset + 2
    (checksum,) = _read_word(frame, at)
    _write_word(frame, at, update_checksum(checksum, before, frame[start:end]))


def _rewrite(frame: WritableBuffer, packet: Packet, rewrite: Rewrite, end: int) -> None:
    """Nothing at or behind `end` is touched: there a quote is cut off."""
    change = _rewrite_network(frame, packet, rewrite)
    if packet.fragment_offset:
        return
    l4, protocol = packet.l4_offset, packet.protocol
    if packet.checksum_partial:
        _rewrite_ports(frame, packet, rewrite)
        _update_partial(frame, packet, change)
    elif protocol == PROTOCOL_TCP:
        change += _rewrite_ports(frame, packet, rewrite)
        if change and l4 + 18 <= end:
            (checksum,) = _read_word(frame, l4 + 16)
            _write_word(frame, l4 + 16, (checksum + change) % 0xFFFF)
    elif protocol == PROTOCOL_UDP:
        change += _rewrite_ports(frame, packet, rewrite)
        (checksum,) = _read_word(frame, l4 + 6)
        if change and checksum:
            _write_word(frame, l4 + 6, (checksum + change) % 0xFFFF or 0xFFFF)
    elif packet.icmp_type >= 0:
        # Only ICMPv6 has a pseudo header, so only its checksum covers the addresses.
        covered = change if protocol == PROTOCOL_ICMPV6 else 0
        _rewrite_icmp(frame, packet, rewrite, covered, end)
    elif protocol == PROTOCOL_SCTP:
        _rewrite_ports(frame, packet, rewrite)
        # A sum does not see two ports change places; a CRC does.
        if rewrite.src_port is not None or rewrite.dst_port is not None:
            _update_sctp(frame, packet, end)


def _rewrite_network(frame: WritableBuffer, packet: Packet, rewrite: Rewrite) -> int:
    """Write the IP header; returns what the addresses changed."""
    l3, change = packet.l3_offset, 0
    is_ipv4 = packet.ethertype == ETHERTYPE_IPV4
    at, width = (l3 + 12, 4) if is_ipv4 else (l3 + 8, 16)
    if rewrite.src is not None:
        change = int.from_bytes(packet.src, "big") - int.from_bytes(rewrite.src, "big")
        frame[at : at + width] = rewrite.src
    if rewrite.dst is not None:
        change += int.from_bytes(packet.dst, "big") - int.from_bytes(rewrite.dst, "big")
        frame[at + width : at + 2 * width] = rewrite.dst
    if rewrite.decrement_ttl:
        frame[l3 + 8 if is_ipv4 else l3 + 7] = packet.ttl - 1
    if is_ipv4:
        header_change = change + _TTL_STEP if rewrite.decrement_ttl else change
        if header_change:
            (checksum,) = _read_word(frame, l3 + 10)
            _write_word(frame, l3 + 10, (checksum + header_change) % 0xFFFF)
    return change


def _rewrite_ports(frame: WritableBuffer, packet: Packet, rewrite: Rewrite) -> int:
    l4, change = packet.l4_offset, 0
    if rewrite.src_port is not None:
        change = packet.src_port - rewrite.src_port
        _write_word(frame, l4, rewrite.src_port)
    if rewrite.dst_port is not None:
        change += packet.dst_port - rewrite.dst_port
        _write_word(frame, l4 + 2, rewrite.dst_port)
    return change


def _update_partial(frame: WritableBuffer, packet: Packet, change: int) -> None:
    """A partial checksum is a plain sum, and of the addresses only: ports are not in it yet."""
    at = packet.l4_offset + _CHECKSUM_OFFSETS[packet.protocol]
    (checksum,) = _read_word(frame, at)
    _write_word(frame, at, (checksum - change) % 0xFFFF)


def _rewrite_icmp(
    frame: WritableBuffer, packet: Packet, rewrite: Rewrite, change: int, end: int
) -> None:
    l4 = packet.l4_offset
    identifier = rewrite.src_port if rewrite.src_port is not None else rewrite.dst_port
    if identifier is not None and _is_echo(packet):
        change += packet.src_port - identifier
        _write_word(frame, l4 + 4, identifier)
    if not change:
        return
    (checksum,) = _read_word(frame, l4 + 2)
    checksum = (checksum + change) % 0xFFFF
    _write_word(frame, l4 + 2, checksum)
    # An echo reply may consist of nothing but zeros, whose checksum is the other zero.
    if not checksum and packet.protocol != PROTOCOL_ICMPV6 and not any(frame[l4:end]):
        _write_word(frame, l4 + 2, 0xFFFF)


def _is_echo(packet: Packet) -> bool:
    types = ICMPV6_ECHO_TYPES if packet.protocol == PROTOCOL_ICMPV6 else ICMP_ECHO_TYPES
    return packet.icmp_type in types


def _update_sctp(frame: WritableBuffer, packet: Packet, end: int) -> None:
    l4, packet_end = packet.l4_offset, packet.l3_offset + packet.ip_length
    if packet.more_fragments or packet_end > end:
        return
    (crc,) = _CRC.unpack_from(frame, l4 + 8)
    before = _PORTS.pack(packet.src_port, packet.dst_port)
    crc = update_crc32c(crc, before, frame[l4 : l4 + 4], packet_end - l4 - 4)
    _CRC.pack_into(frame, l4 + 8, crc)
