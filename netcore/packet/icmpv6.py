"""ICMPv6 (RFC 4443) and the neighbour discovery messages that a link needs (RFC 4861)."""

import struct
from dataclasses import dataclass, replace

from netcore.model.errors import BadHeader, TruncatedPacket
from netcore.packet.checksum import Buffer, internet_checksum, pseudo_header_sum
from netcore.packet.protocols import (
    ICMPV6_DESTINATION_UNREACHABLE,
    ICMPV6_ECHO_REPLY,
    ICMPV6_ECHO_REQUEST,
    ICMPV6_PACKET_TOO_BIG,
    ICMPV6_PARAMETER_PROBLEM,
    ICMPV6_TIME_EXCEEDED,
    PROTOCOL_ICMPV6,
)

ICMPV6_HEADER_BYTES = 8
ICMPV6_ECHO_TYPES = frozenset({ICMPV6_ECHO_REQUEST, ICMPV6_ECHO_REPLY})
ICMPV6_ERROR_TYPES = frozenset(
    {
        ICMPV6_DESTINATION_UNREACHABLE,
        ICMPV6_PACKET_TOO_BIG,
        ICMPV6_TIME_EXCEEDED,
        ICMPV6_PARAMETER_PROBLEM,
    }
)
"""Known types that quote the packet they are about (RFC 4443 section 3)."""

NEIGHBOR_HOP_LIMIT = 255  # proves that a message was not routed (RFC 4861 section 7.1)
NA_ROUTER = 0x80000000
NA_SOLICITED = 0x40000000
NA_OVERRIDE = 0x20000000

_HEADER = struct.Struct("!BBHI")
_OPTION_SOURCE_MAC = 1
_OPTION_TARGET_MAC = 2


@dataclass(frozen=True, slots=True)
class Icmpv6Header:
    """`rest` is the 32-bit word after the checksum.

    Echo: identifier and sequence number. Packet too big: the MTU. Neighbour advertisement:
    the flags NA_*.
    """

    type: int
    code: int
    rest: int = 0
    checksum: int = 0

    def encode(self) -> bytes:
        """The 8 bytes of the header, the checksum as it stands."""
        return _HEADER.pack(self.type, self.code, self.checksum, self.rest)

    def with_checksum(self, src: bytes, dst: bytes, body: Buffer) -> "Icmpv6Header":
        """This header with the right checksum, pseudo header included (RFC 4443 2.3)."""
        message = replace(self, checksum=0).encode() + body
        initial = pseudo_header_sum(src, dst, PROTOCOL_ICMPV6, len(message))
        return replace(self, checksum=internet_checksum(message, initial))


@dataclass(frozen=True, slots=True)
class NeighborBody:
    """What follows the header of a neighbour solicitation or advertisement (RFC 4861 4.3, 4.4).

    `source_mac` belongs to solicitations, `target_mac` to advertisements; empty when absent.
    """

    target: bytes
    source_mac: bytes = b""
    target_mac: bytes = b""

    def encode(self) -> bytes:
        """The target and an option for each MAC that is there."""
        options = b""
        if self.source_mac:
            options += bytes((_OPTION_SOURCE_MAC, 1)) + self.source_mac
        if self.target_mac:
            options += bytes((_OPTION_TARGET_MAC, 1)) + self.target_mac
        return self.target + options


def parse_icmpv6(view: memoryview) -> tuple[Icmpv6Header, memoryview]:
    """Split an IP payload into ICMPv6 header and body. The checksum is not verified.

    Raises TruncatedPacket (< 8 bytes).
    """
    if len(view) < ICMPV6_HEADER_BYTES:
        raise TruncatedPacket(f"ICMPv6 header needs 8 bytes, there are {len(view)}")
    kind, code, checksum, rest = _HEADER.unpack_from(view)
    return Icmpv6Header(kind, code, rest, checksum), view[ICMPV6_HEADER_BYTES:]


def parse_neighbor(body: memoryview) -> tuple[NeighborBody, memoryview]:
    """The body of a neighbour solicitation or advertisement; other options are skipped.

    Raises TruncatedPacket (shorter than the target or an option) or BadHeader (an option of
    length 0, RFC 4861 section 4.6).
    """
    if len(body) < 16:
        raise TruncatedPacket(f"neighbour discovery needs 16 bytes, there are {len(body)}")
    macs = {_OPTION_SOURCE_MAC: b"", _OPTION_TARGET_MAC: b""}
    rest = body[16:]
    while rest:
        if len(rest) < 2 or len(rest) < rest[1] * 8:
            raise TruncatedPacket("a neighbour discovery option is cut off")
        if not rest[1]:
            raise BadHeader("a neighbour discovery option has length 0")
        if rest[0] in macs and rest[1] == 1:
            macs[rest[0]] = bytes(rest[2:8])
        rest = rest[rest[1] * 8 :]
    return NeighborBody(bytes(body[:16]), macs[1], macs[2]), rest
