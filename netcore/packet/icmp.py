"""ICMP for IPv4 (RFC 792)."""

import struct
from dataclasses import dataclass, replace

from netcore.model.errors import TruncatedPacket
from netcore.packet.checksum import Buffer, internet_checksum
from netcore.packet.protocols import (
    ICMP_DESTINATION_UNREACHABLE,
    ICMP_ECHO_REPLY,
    ICMP_ECHO_REQUEST,
    ICMP_PARAMETER_PROBLEM,
    ICMP_REDIRECT,
    ICMP_SOURCE_QUENCH,
    ICMP_TIME_EXCEEDED,
)

ICMP_HEADER_BYTES = 8
ICMP_ECHO_TYPES = frozenset({ICMP_ECHO_REQUEST, ICMP_ECHO_REPLY})
ICMP_ERROR_TYPES = frozenset(
    {
        ICMP_DESTINATION_UNREACHABLE,
        ICMP_SOURCE_QUENCH,
        ICMP_REDIRECT,
        ICMP_TIME_EXCEEDED,
        ICMP_PARAMETER_PROBLEM,
    }
)
"""Types that quote the packet they are about (RFC 1122 section 3.2.2)."""

_HEADER = struct.Struct("!BBHI")


@dataclass(frozen=True, slots=True)
class IcmpHeader:
    """`rest` is the 32-bit word after the checksum.

    Echo: identifier and sequence number, 16 bits each. Fragmentation needed: the next hop's
    MTU in the low 16 bits (RFC 1191 section 4).
    """

    type: int
    code: int
    rest: int = 0
    checksum: int = 0

    def encode(self) -> bytes:
        """The 8 bytes of the header, the checksum as it stands."""
        return _HEADER.pack(self.type, self.code, self.checksum, self.rest)

    def with_checksum(self, body: Buffer) -> "IcmpHeader":
        """This header with the right checksum for the body that follows it."""
        message = replace(self, checksum=0).encode() + body
        return replace(self, checksum=internet_checksum(message))


def parse_icmp(view: memoryview) -> tuple[IcmpHeader, memoryview]:
    """Split an IP payload into ICMP header and body. The checksum is not verified.

    Raises TruncatedPacket (< 8 bytes).
    """
    if len(view) < ICMP_HEADER_BYTES:
        raise TruncatedPacket(f"ICMP header needs 8 bytes, there are {len(view)}")
    kind, code, checksum, rest = _HEADER.unpack_from(view)
    return IcmpHeader(kind, code, rest, checksum), view[ICMP_HEADER_BYTES:]
