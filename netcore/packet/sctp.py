"""SCTP common headers (RFC 9260 section 3.1)."""

import struct
from dataclasses import dataclass, replace

from netcore.model.errors import TruncatedPacket
from netcore.packet.checksum import Buffer, crc32c

SCTP_HEADER_BYTES = 12

_PORTS_AND_TAG = struct.Struct("!HHI")
_CHECKSUM = struct.Struct("<I")  # RFC 9260 appendix A: the CRC alone is little-endian


@dataclass(frozen=True, slots=True)
class SctpHeader:
    """`checksum` is the CRC32c as a number; unlike TCP's it covers no addresses."""

    src_port: int
    dst_port: int
    verification_tag: int
    checksum: int = 0

    def encode(self) -> bytes:
        """The 12 bytes of the header, the checksum as it stands."""
        fixed = _PORTS_AND_TAG.pack(self.src_port, self.dst_port, self.verification_tag)
        return fixed + _CHECKSUM.pack(self.checksum)

    def with_checksum(self, chunks: Buffer) -> "SctpHeader":
        """This header with the right checksum for the chunks that follow it."""
        return replace(self, checksum=crc32c(replace(self, checksum=0).encode() + chunks))


def parse_sctp(view: memoryview) -> tuple[SctpHeader, memoryview]:
    """Split an IP payload into common header and chunks. The checksum is not verified.

    Raises TruncatedPacket (< 12 bytes).
    """
    if len(view) < SCTP_HEADER_BYTES:
        raise TruncatedPacket(f"SCTP header needs 12 bytes, there are {len(view)}")
    src_port, dst_port, verification_tag = _PORTS_AND_TAG.unpack_from(view)
    (checksum,) = _CHECKSUM.unpack_from(view, 8)
    header = SctpHeader(src_port, dst_port, verification_tag, checksum)
    return header, view[SCTP_HEADER_BYTES:]
