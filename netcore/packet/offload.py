"""What a TAP device's header says of a frame: a checksum to fill in, a super-packet to cut.

The header is Linux' `struct virtio_net_hdr` in host byte order, 10 bytes long, in front of each
frame of a device that was opened with IFF_VNET_HDR. Source: include/uapi/linux/virtio_net.h,
Documentation/networking/tuntap.rst.

A frame whose checksum is *partial* holds in the checksum field the folded sum of its pseudo
header, not complemented; whoever puts it on a wire adds the rest. A *super-packet* is one TCP
segment or UDP datagram that stands for many, equally long but for the last.
"""

import struct
from typing import NamedTuple

from netcore.model.errors import BadHeader
from netcore.packet.checksum import Buffer
from netcore.packet.packet import Packet
from netcore.packet.protocols import ETHERTYPE_IPV4, PROTOCOL_TCP, PROTOCOL_UDP

OFFLOAD_HEADER_BYTES = 10

NEEDS_CHECKSUM = 1
"""In `flags`: the checksum is partial."""

SEGMENT_NONE = 0
SEGMENT_TCPV4 = 1
SEGMENT_TCPV6 = 4
SEGMENT_UDP = 5  # VIRTIO_NET_HDR_GSO_UDP_L4
_SEGMENT_ECN = 0x80  # a flag beside the type: the first segment carries CWR

TCP_CHECKSUM_OFFSET = 16
UDP_CHECKSUM_OFFSET = 6

_HEADER = struct.Struct("=BBHHHH")
_WORD = struct.Struct("!H")


class OffloadHeader(NamedTuple):
    """`header_bytes`, `checksum_start` count from the start of the frame, `checksum_offset` from
    `checksum_start`. `segment_bytes` is the payload of each segment, 0 for a whole packet.
    """

    flags: int = 0
    segment_type: int = SEGMENT_NONE
    header_bytes: int = 0
    segment_bytes: int = 0
    checksum_start: int = 0
    checksum_offset: int = 0

    def encode(self) -> bytes:
        return _HEADER.pack(*self)


NO_OFFLOAD = bytes(OFFLOAD_HEADER_BYTES)
"""The header of an ordinary frame: whole, with its checksum filled in."""


def parse_offload(buffer: Buffer) -> OffloadHeader:
    """The header at the start of `buffer`, which has at least OFFLOAD_HEADER_BYTES."""
    return OffloadHeader(*_HEADER.unpack_from(buffer))


def with_offload(packet: Packet, frame: Buffer, header: OffloadHeader) -> Packet:
    """`packet`, parsed from `frame`, with what the frame's offload header adds.

    Raises BadHeader for a header that contradicts the frame: a checksum outside of it, segments
    of something that cannot be cut.
    """
    if not header.flags & NEEDS_CHECKSUM:
        if header.segment_type:
            raise BadHeader("a super-packet whose checksum is not left open")
        return packet
    end = packet.l3_offset + packet.ip_length
    field = header.checksum_start + header.checksum_offset
    if header.checksum_start < packet.l3_offset or field + 2 > end or field & 1:
        raise BadHeader(f"a checksum at {field} in a frame of {end} bytes")
    partial = field == _checksum_field(packet)
    if not header.segment_type:
        return packet._replace(checksum_partial=partial)
    if not partial or not header.segment_bytes:
        raise BadHeader("segments of a length or a protocol that cannot be cut")
    _check_segment_type(packet, header.segment_type & ~_SEGMENT_ECN)
    payload = segment_header_bytes(packet, frame) - packet.l3_offset
    return packet._replace(checksum_partial=True, segment_bytes=payload + header.segment_bytes)


def segment_header_bytes(packet: Packet, frame: Buffer) -> int:
    """Where the payload of a TCP segment or UDP datagram begins, from the start of the frame."""
    l4 = packet.l4_offset
    return l4 + (frame[l4 + 12] >> 2 & 0x3C if packet.protocol == PROTOCOL_TCP else 8)


def complete_checksum(frame: memoryview, start: int, offset: int, end: int) -> None:
    """Fill in a partial checksum that covers frame[start:end]; its field is at start + offset."""
    total = int.from_bytes(frame[start:end], "big")
    if (end - start) & 1:
        total <<= 8
    # 0 would say "none" to UDP; for TCP both zeros are equal (RFC 768, RFC 1624 section 3).
    _WORD.pack_into(frame, start + offset, -total % 0xFFFF or 0xFFFF)


def _checksum_field(packet: Packet) -> int:
    """Where the packet's own upper layer has its checksum; -1 for those without offload."""
    if packet.fragment_offset or packet.more_fragments:
        return -1
    if packet.protocol == PROTOCOL_TCP:
        return packet.l4_offset + TCP_CHECKSUM_OFFSET
    if packet.protocol == PROTOCOL_UDP:
        return packet.l4_offset + UDP_CHECKSUM_OFFSET
    return -1


def _check_segment_type(packet: Packet, kind: int) -> None:
    tcp = SEGMENT_TCPV4 if packet.ethertype == ETHERTYPE_IPV4 else SEGMENT_TCPV6
    if kind != (tcp if packet.protocol == PROTOCOL_TCP else SEGMENT_UDP):
        raise BadHeader(f"segment type {kind} does not fit the packet")
