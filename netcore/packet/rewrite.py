"""Address and port translation in place, with incremental checksums (RFC 1624, RFC 3022)."""

import struct
from dataclasses import dataclass

from netcore.packet.checksum import (
    crc32c,
    internet_checksum,
    pseudo_header_sum,
    update_checksum,
)
from netcore.packet.packet import Packet
from netcore.packet.protocols import (
    ETHERTYPE_IPV4,
    PROTOCOL_ICMP,
    PROTOCOL_ICMPV6,
    PROTOCOL_SCTP,
    PROTOCOL_TCP,
    PROTOCOL_UDP,
)

WritableBuffer = bytearray | memoryview

_CHECKSUM_OFFSET = {PROTOCOL_TCP: 16, PROTOCOL_UDP: 6, PROTOCOL_ICMPV6: 2}
_WORD = struct.Struct("!H")


@dataclass(frozen=True, slots=True)
class Rewrite:
    """What changes; None: stays. Addresses are packed and of the packet's own family.

    For ICMP echo `src_port` (else `dst_port`) is the new identifier.
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

    A UDP checksum of 0 (none, IPv4 only) stays 0. Fragments other than the first have only
    their IP header changed. The TTL must be at least 1 when it is to be decremented.
    """
    old, new = _change_addresses(frame, packet, rewrite)
    if packet.fragment_offset:
        return
    l4, protocol = packet.l4_offset, packet.protocol
    if protocol in (PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_SCTP):
        ports_old, ports_new = _change_ports(frame, l4, rewrite)
        if protocol == PROTOCOL_SCTP:
            if ports_old:
                _seal_sctp(frame, packet)
            return
        _fix_checksum(
            frame, l4 + _CHECKSUM_OFFSET[protocol], old + ports_old, new + ports_new, protocol
        )
    elif protocol in (PROTOCOL_ICMP, PROTOCOL_ICMPV6):
        identifier_old, identifier_new = _change_identifier(frame, packet, rewrite)
        if protocol == PROTOCOL_ICMP:  # its checksum does not cover the addresses
            old = new = b""
        _fix_checksum(frame, l4 + 2, old + identifier_old, new + identifier_new, protocol)


def rewrite_quoted(frame: WritableBuffer, packet: Packet, rewrite: Rewrite) -> None:
    """Change the packet that an ICMP error quotes (RFC 5508 section 4.2), and the error's checksum.

    Transport checksums inside are left as quoted: hardly ever is the quote long enough to have
    them. Call before `apply_rewrite`, which then keeps the outer checksum right.
    """
    start = packet.l4_offset + 8
    end = packet.l3_offset + packet.ip_length
    if packet.protocol == PROTOCOL_ICMP:
        header = (frame[start] & 0xF) * 4
        addresses, width = start + 12, 4
    else:
        header, addresses, width = 40, start + 8, 16
    if rewrite.src is not None:
        frame[addresses : addresses + width] = rewrite.src
    if rewrite.dst is not None:
        frame[addresses + width : addresses + 2 * width] = rewrite.dst
    if packet.protocol == PROTOCOL_ICMP:
        frame[start + 10 : start + 12] = b"\0\0"
        _WORD.pack_into(frame, start + 10, internet_checksum(frame[start : start + header]))
    quoted = packet.quoted
    if quoted is not None and quoted.protocol in (PROTOCOL_ICMP, PROTOCOL_ICMPV6):
        identifier = rewrite.src_port if rewrite.src_port is not None else rewrite.dst_port
        if identifier is not None:
            _WORD.pack_into(frame, start + header + 4, identifier)
    else:
        _change_ports(frame, start + header, rewrite)
    seal_icmp(frame, packet.l3_offset, packet.l4_offset, end, packet.protocol)


def seal_icmp(frame: WritableBuffer, l3: int, l4: int, end: int, protocol: int) -> None:
    """Compute an ICMP or ICMPv6 checksum afresh over frame[l4:end]."""
    frame[l4 + 2 : l4 + 4] = b"\0\0"
    initial = 0
    if protocol == PROTOCOL_ICMPV6:
        src, dst = bytes(frame[l3 + 8 : l3 + 24]), bytes(frame[l3 + 24 : l3 + 40])
        initial = pseudo_header_sum(src, dst, protocol, end - l4)
    _WORD.pack_into(frame, l4 + 2, internet_checksum(frame[l4:end], initial))


def _change_addresses(
    frame: WritableBuffer, packet: Packet, rewrite: Rewrite
) -> tuple[bytes, bytes]:
    """The address bytes that were replaced and what replaced them."""
    l3 = packet.l3_offset
    is_ipv4 = packet.ethertype == ETHERTYPE_IPV4
    source, width = (l3 + 12, 4) if is_ipv4 else (l3 + 8, 16)
    old = new = b""
    if rewrite.src is not None:
        old, new = packet.src, rewrite.src
        frame[source : source + width] = rewrite.src
    if rewrite.dst is not None:
        old, new = old + packet.dst, new + rewrite.dst
        frame[source + width : source + 2 * width] = rewrite.dst
    if is_ipv4:
        header_old, header_new = old, new
        if rewrite.decrement_ttl:  # TTL and protocol share a word
            header_old += bytes(frame[l3 + 8 : l3 + 10])
            frame[l3 + 8] -= 1
            header_new += bytes(frame[l3 + 8 : l3 + 10])
        if header_old:
            (checksum,) = _WORD.unpack_from(frame, l3 + 10)
            _WORD.pack_into(frame, l3 + 10, update_checksum(checksum, header_old, header_new))
    elif rewrite.decrement_ttl:
        frame[l3 + 7] -= 1
    return old, new


def _change_ports(frame: WritableBuffer, l4: int, rewrite: Rewrite) -> tuple[bytes, bytes]:
    if rewrite.src_port is None and rewrite.dst_port is None:
        return b"", b""
    old = bytes(frame[l4 : l4 + 4])
    if rewrite.src_port is not None:
        _WORD.pack_into(frame, l4, rewrite.src_port)
    if rewrite.dst_port is not None:
        _WORD.pack_into(frame, l4 + 2, rewrite.dst_port)
    return old, bytes(frame[l4 : l4 + 4])


def _change_identifier(
    frame: WritableBuffer, packet: Packet, rewrite: Rewrite
) -> tuple[bytes, bytes]:
    identifier = rewrite.src_port if rewrite.src_port is not None else rewrite.dst_port
    if identifier is None or packet.quoted is not None or not packet.src_port:
        return b"", b""
    at = packet.l4_offset + 4
    old = bytes(frame[at : at + 2])
    _WORD.pack_into(frame, at, identifier)
    return old, bytes(frame[at : at + 2])


def _fix_checksum(frame: WritableBuffer, at: int, old: bytes, new: bytes, protocol: int) -> None:
    if not old:
        return
    (checksum,) = _WORD.unpack_from(frame, at)
    if protocol == PROTOCOL_UDP:
        if checksum == 0:
            return
        checksum = update_checksum(checksum, old, new) or 0xFFFF
    else:
        checksum = update_checksum(checksum, old, new)
    _WORD.pack_into(frame, at, checksum)


def _seal_sctp(frame: WritableBuffer, packet: Packet) -> None:
    """SCTP covers its ports with a CRC32c, which has no cheap update (RFC 9260 6.8)."""
    at = packet.l4_offset + 8
    end = packet.l3_offset + packet.ip_length
    frame[at : at + 4] = b"\0\0\0\0"
    checksum = crc32c(frame[packet.l4_offset : end])
    frame[at : at + 4] = checksum.to_bytes(4, "little")
