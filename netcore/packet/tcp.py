"""TCP headers (RFC 9293 section 3.1)."""

import struct
from dataclasses import dataclass, replace

from netcore.model.errors import BadHeader, TruncatedPacket
from netcore.packet.checksum import Buffer, internet_checksum, pseudo_header_sum
from netcore.packet.protocols import PROTOCOL_TCP

TCP_HEADER_BYTES = 20

_HEADER = struct.Struct("!HHIIHHHH")


@dataclass(frozen=True, slots=True)
class TcpHeader:
    """Flags are the low 12 bits of the word after the data offset, reserved bits included.

    `options` is a multiple of 4 bytes, at most 40, padding included.
    """

    src_port: int
    dst_port: int
    sequence: int
    acknowledgment: int
    flags: int
    window: int = 0
    checksum: int = 0
    urgent_pointer: int = 0
    options: bytes = b""

    def encode(self) -> bytes:
        """The header with its options, the checksum as it stands."""
        data_offset = (TCP_HEADER_BYTES + len(self.options)) // 4
        fixed = _HEADER.pack(
            self.src_port,
            self.dst_port,
            self.sequence,
            self.acknowledgment,
            data_offset << 12 | self.flags,
            self.window,
            self.checksum,
            self.urgent_pointer,
        )
        return fixed + self.options

    def with_checksum(self, src: bytes, dst: bytes, payload: Buffer) -> "TcpHeader":
        """This header with the right checksum."""
        segment = replace(self, checksum=0).encode() + payload
        initial = pseudo_header_sum(src, dst, PROTOCOL_TCP, len(segment))
        return replace(self, checksum=internet_checksum(segment, initial))


def parse_tcp(view: memoryview) -> tuple[TcpHeader, memoryview]:
    """Split an IP payload into TCP header and segment data.

    The checksum is not verified, options are not interpreted. Raises TruncatedPacket (shorter
    than the data offset) or BadHeader (data offset < 5).
    """
    if len(view) < TCP_HEADER_BYTES:
        raise TruncatedPacket(f"TCP header needs 20 bytes, there are {len(view)}")
    src_port, dst_port, sequence, acknowledgment, word, window, checksum, urgent_pointer = (
        _HEADER.unpack_from(view)
    )
    size = (word >> 12) * 4
    if size < TCP_HEADER_BYTES:
        raise BadHeader(f"TCP data offset {word >> 12} is less than 5")
    if size > len(view):
        raise TruncatedPacket(f"TCP header is {size} bytes, there are {len(view)}")
    header = TcpHeader(
        src_port,
        dst_port,
        sequence,
        acknowledgment,
        flags=word & 0x0FFF,
        window=window,
        checksum=checksum,
        urgent_pointer=urgent_pointer,
        options=bytes(view[TCP_HEADER_BYTES:size]),
    )
    return header, view[size:]
