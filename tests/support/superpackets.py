"""Super-packets for tests, as a pod's kernel hands them over, made without netcore's own code."""

import struct

from netcore.packet.offload import (
    NEEDS_CHECKSUM,
    SEGMENT_TCPV4,
    SEGMENT_TCPV6,
    SEGMENT_UDP,
    OffloadHeader,
)
from netcore.packet.packet import parse_packet
from netcore.packet.protocols import PROTOCOL_TCP


def left_open(frame: bytes | bytearray, segment_bytes: int = 0) -> tuple[bytearray, OffloadHeader]:
    """The TCP or UDP frame with a partial checksum, to be cut when `segment_bytes` says so."""
    packet = parse_packet(frame)
    is_tcp, l4 = packet.protocol == PROTOCOL_TCP, packet.l4_offset
    offset = 16 if is_tcp else 6
    length = packet.l3_offset + packet.ip_length - l4
    total = packet.protocol + length
    for ends in (packet.src, packet.dst):
        total += sum(struct.unpack(f"!{len(ends) // 2}H", ends))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    opened = bytearray(frame)
    opened[l4 + offset : l4 + offset + 2] = total.to_bytes(2, "big")
    kind = 0
    if segment_bytes:
        kind = SEGMENT_UDP
        if is_tcp:
            kind = SEGMENT_TCPV4 if len(packet.src) == 4 else SEGMENT_TCPV6
    header = l4 + ((frame[l4 + 12] >> 4) * 4 if is_tcp else 8)
    return opened, OffloadHeader(NEEDS_CHECKSUM, kind, header, segment_bytes, l4, offset)
