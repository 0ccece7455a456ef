"""UDP headers (RFC 768)."""

import struct
from dataclasses import dataclass, replace

from netcore.model.errors import BadHeader, TruncatedPacket
from netcore.packet.checksum import Buffer, internet_checksum, pseudo_header_sum
from netcore.packet.protocols import PROTOCOL_UDP

UDP_HEADER_BYTES = 8

_HEADER = struct.Struct("!HHHH")


@dataclass(frozen=True, slots=True)
class UdpHeader:
    """`length` counts header and payload in bytes; `checksum` 0 means that none was computed."""

    src_port: int
    dst_port: int
    length: int
    checksum: int = 0

    def encode(self) -> bytes:
        """The 8 bytes of the header, the checksum as it stands."""
        return _HEADER.pack(self.src_port, self.dst_port, self.length, self.checksum)

    def with_checksum(self, src: bytes, dst: bytes, payload: Buffer) -> "UdpHeader":
        """This header with the right checksum; a computed 0 becomes 0xFFFF (RFC 768)."""
        initial = pseudo_header_sum(src, dst, PROTOCOL_UDP, self.length)
        header = replace(self, checksum=0).encode()
        return replace(self, checksum=internet_checksum(header + payload, initial) or 0xFFFF)


def parse_udp(view: memoryview) -> tuple[UdpHeader, memoryview]:
    """Split an IP payload into UDP header and the payload that its length states.

    The checksum is not verified. Raises TruncatedPacket (< 8 bytes, or shorter than its length)
    or BadHeader (length < 8).
    """
    if len(view) < UDP_HEADER_BYTES:
        raise TruncatedPacket(f"UDP header needs 8 bytes, there are {len(view)}")
    header = UdpHeader(*_HEADER.unpack_from(view))
    if header.length < UDP_HEADER_BYTES:
        raise BadHeader(f"UDP length {header.length} is less than its header")
    if header.length > len(view):
        raise TruncatedPacket(f"UDP length is {header.length}, there are {len(view)} bytes")
    return header, view[UDP_HEADER_BYTES : header.length]
