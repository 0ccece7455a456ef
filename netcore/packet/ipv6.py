"""IPv6 headers and the chain of extension headers (RFC 8200)."""

import struct
from dataclasses import dataclass
from typing import NamedTuple

from netcore.model.errors import BadHeader, TruncatedPacket
from netcore.packet.checksum import Buffer
from netcore.packet.protocols import (
    IPV6_AUTHENTICATION,
    IPV6_DESTINATION_OPTIONS,
    IPV6_FRAGMENT,
    IPV6_HOP_BY_HOP,
    IPV6_ROUTING,
)

IPV6_HEADER_BYTES = 40
FRAGMENT_HEADER_BYTES = 8
MINIMUM_MTU_BYTES = 1280  # RFC 8200 section 5
MAX_EXTENSION_HEADERS = 8

_HEADER = struct.Struct("!IHBB16s16s")
_FRAGMENT = struct.Struct("!BxHI")
_EXTENSIONS = frozenset(
    {
        IPV6_HOP_BY_HOP,
        IPV6_ROUTING,
        IPV6_FRAGMENT,
        IPV6_AUTHENTICATION,
        IPV6_DESTINATION_OPTIONS,
        135,  # mobility, RFC 6275
        139,  # host identity, RFC 7401
        140,  # shim6, RFC 5533
    }
)


@dataclass(frozen=True, slots=True)
class Ipv6Header:
    """Addresses are packed. `payload_length` counts all bytes after the 40 of this header."""

    src: bytes
    dst: bytes
    next_header: int
    payload_length: int
    hop_limit: int = 64
    traffic_class: int = 0
    flow_label: int = 0

    def encode(self) -> bytes:
        """The 40 bytes of the header."""
        word = 6 << 28 | self.traffic_class << 20 | self.flow_label
        return _HEADER.pack(
            word, self.payload_length, self.next_header, self.hop_limit, self.src, self.dst
        )


@dataclass(frozen=True, slots=True)
class FragmentHeader:
    """RFC 8200 section 4.5. `fragment_offset` (a multiple of 8) is in bytes."""

    next_header: int
    fragment_offset: int
    more_fragments: bool
    identification: int

    def encode(self) -> bytes:
        """The 8 bytes of the header."""
        word = self.fragment_offset | self.more_fragments
        return _FRAGMENT.pack(self.next_header, word, self.identification)


class UpperLayer(NamedTuple):
    """Where the extension headers end: the protocol after them and its offset."""

    protocol: int
    offset: int
    fragment: FragmentHeader | None


def parse_ipv6(view: memoryview) -> tuple[Ipv6Header, memoryview]:
    """Split an IPv6 packet into header and the payload, extension headers still in it.

    Raises TruncatedPacket (< 40 bytes, or shorter than the payload length; jumbograms of
    RFC 2675 read as empty) or BadHeader (version not 6).
    """
    if len(view) < IPV6_HEADER_BYTES:
        raise TruncatedPacket(f"IPv6 header needs 40 bytes, there are {len(view)}")
    word, length, next_header, hop_limit, src, dst = _HEADER.unpack_from(view)
    if word >> 28 != 6:
        raise BadHeader(f"IP version {word >> 28} in an IPv6 header")
    end = IPV6_HEADER_BYTES + length
    if end > len(view):
        raise TruncatedPacket(f"IPv6 packet is {end} bytes, there are {len(view)}")
    header = Ipv6Header(src, dst, next_header, length, hop_limit, word >> 20 & 0xFF, word & 0xFFFFF)
    return header, view[IPV6_HEADER_BYTES:end]


def parse_fragment(view: memoryview) -> tuple[FragmentHeader, memoryview]:
    """Split off a fragment header; reserved bits are ignored. Raises TruncatedPacket."""
    if len(view) < FRAGMENT_HEADER_BYTES:
        raise TruncatedPacket(f"IPv6 fragment header needs 8 bytes, there are {len(view)}")
    next_header, word, identification = _FRAGMENT.unpack_from(view)
    header = FragmentHeader(next_header, word & 0xFFF8, bool(word & 1), identification)
    return header, view[FRAGMENT_HEADER_BYTES:]


def walk_extensions(data: Buffer, offset: int, end: int, next_header: int) -> UpperLayer:
    """The first header from `offset` on that is no extension header.

    In a fragment other than the first nothing after the fragment header is known, so the walk
    ends there. Raises TruncatedPacket (a header reaches beyond `end`) or BadHeader (more than 8
    extension headers, as many as Linux takes options, or hop-by-hop not first).
    Source: RFC 8200 section 4.
    """
    fragment: FragmentHeader | None = None
    for count in range(MAX_EXTENSION_HEADERS + 1):
        if next_header not in _EXTENSIONS:
            return UpperLayer(next_header, offset, fragment)
        if next_header == IPV6_HOP_BY_HOP and count:
            raise BadHeader("IPv6 hop-by-hop options are not the first extension header")
        if offset + 8 > end:
            raise TruncatedPacket(f"IPv6 extension header {next_header} is cut off")
        if next_header == IPV6_FRAGMENT:
            fragment, _ = parse_fragment(memoryview(data)[offset:end])
            next_header, offset = fragment.next_header, offset + FRAGMENT_HEADER_BYTES
            if fragment.fragment_offset:
                return UpperLayer(next_header, offset, fragment)
            continue
        # The authentication header counts in 4 bytes less 2 (RFC 4302), the others in 8 less 1.
        units = data[offset + 1]
        size = (units + 2) * 4 if next_header == IPV6_AUTHENTICATION else (units + 1) * 8
        next_header, offset = data[offset], offset + size
        if offset > end:
            raise TruncatedPacket("an IPv6 extension header reaches beyond the packet")
    raise BadHeader(f"more than {MAX_EXTENSION_HEADERS} IPv6 extension headers")
