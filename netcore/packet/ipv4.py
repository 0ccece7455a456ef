"""IPv4 headers (RFC 791)."""

import struct
from dataclasses import dataclass, replace

from netcore.model.errors import BadHeader, TruncatedPacket
from netcore.packet.checksum import internet_checksum

IPV4_HEADER_BYTES = 20
DEFAULT_TTL = 64  # RFC 1700, and Linux's ip_default_ttl

_HEADER = struct.Struct("!BBHHHBBH4s4s")
_DONT_FRAGMENT = 0x4000
_MORE_FRAGMENTS = 0x2000


@dataclass(frozen=True, slots=True)
class Ipv4Header:
    """Addresses are packed. `total_length` and `fragment_offset` (a multiple of 8) are bytes.

    `options` is a multiple of 4 bytes, at most 40, padding included.
    """

    src: bytes
    dst: bytes
    protocol: int
    total_length: int
    ttl: int = DEFAULT_TTL
    type_of_service: int = 0
    identification: int = 0
    dont_fragment: bool = False
    more_fragments: bool = False
    fragment_offset: int = 0
    checksum: int = 0
    options: bytes = b""

    def encode(self) -> bytes:
        """The header with its options, the checksum as it stands."""
        fragment = (
            (_DONT_FRAGMENT if self.dont_fragment else 0)
            | (_MORE_FRAGMENTS if self.more_fragments else 0)
            | self.fragment_offset >> 3
        )
        fixed = _HEADER.pack(
            0x40 | (IPV4_HEADER_BYTES + len(self.options)) // 4,
            self.type_of_service,
            self.total_length,
            self.identification,
            fragment,
            self.ttl,
            self.protocol,
            self.checksum,
            self.src,
            self.dst,
        )
        return fixed + self.options

    def with_checksum(self) -> "Ipv4Header":
        """This header with the right header checksum (RFC 791 section 3.1)."""
        return replace(self, checksum=internet_checksum(replace(self, checksum=0).encode()))


def parse_ipv4(view: memoryview) -> tuple[Ipv4Header, memoryview]:
    """Split an IPv4 packet into header and the payload that its total length states.

    The reserved flag is ignored and the checksum not verified. Raises TruncatedPacket (shorter
    than IHL or total length) or BadHeader (version not 4, IHL < 5, total length < IHL).
    """
    if len(view) < IPV4_HEADER_BYTES:
        raise TruncatedPacket(f"IPv4 header needs 20 bytes, there are {len(view)}")
    version_ihl, tos, total, ident, fragment, ttl, protocol, checksum, src, dst = (
        _HEADER.unpack_from(view)
    )
    size = check_ipv4_lengths(version_ihl, total)
    if total > len(view):
        raise TruncatedPacket(f"IPv4 total length is {total}, there are {len(view)} bytes")
    header = Ipv4Header(
        src=src,
        dst=dst,
        protocol=protocol,
        total_length=total,
        ttl=ttl,
        type_of_service=tos,
        identification=ident,
        dont_fragment=bool(fragment & _DONT_FRAGMENT),
        more_fragments=bool(fragment & _MORE_FRAGMENTS),
        fragment_offset=(fragment & 0x1FFF) << 3,
        checksum=checksum,
        options=bytes(view[IPV4_HEADER_BYTES:size]),
    )
    return header, view[size:total]


def check_ipv4_lengths(version_ihl: int, total_length: int) -> int:
    """The header's size in bytes. Raises BadHeader when the three fields contradict."""
    if version_ihl >> 4 != 4:
        raise BadHeader(f"IP version {version_ihl >> 4} in an IPv4 header")
    size = (version_ihl & 0x0F) * 4
    if size < IPV4_HEADER_BYTES:
        raise BadHeader(f"IPv4 header length {size} is less than 20")
    if total_length < size:
        raise BadHeader(f"IPv4 total length {total_length} is less than its header's {size}")
    return size
