"""Frames behind their offload header: their segments, cutting them, making new ones."""

import sys

from netcore.packet.fragment import fragment_ipv4
from netcore.packet.offload import NEEDS_CHECKSUM, complete_checksum, parse_offload
from netcore.packet.packet import Packet, parse_packet
from netcore.packet.rewrite import apply_rewrite, rewrite_quoted
from netcore.pipeline.verdict import Decision
from nodeagent.datapath.userspace.devices import HEADROOM_BYTES, with_headroom


def segment_bytes(buffer: memoryview) -> int:
    """The offload header's segment size; what cannot be is too large for any link."""
    return int.from_bytes(buffer[4:6], sys.byteorder) or 0xFFFF


def fragments(buffer: memoryview, packet: Packet, mtu_bytes: int) -> list[memoryview]:
    """The IPv4 packet of an offload frame, cut to fragments with a headroom each."""
    frame = buffer[HEADROOM_BYTES:]
    if buffer[0] & NEEDS_CHECKSUM:
        offload = parse_offload(buffer)
        end = packet.l3_offset + packet.ip_length
        complete_checksum(frame, offload.checksum_start, offload.checksum_offset, end)
    return [with_headroom(part) for part in fragment_ipv4(frame, parse_packet(frame), mtu_bytes)]


def rewritten(frame: memoryview, packet: Packet, decision: Decision) -> None:
    """Changes the frame as was decided: its own headers and those that an ICMP error quotes."""
    if decision.quoted_rewrite is not None:
        rewrite_quoted(frame, packet, decision.quoted_rewrite)
    if decision.rewrite is not None:
        apply_rewrite(frame, packet, decision.rewrite)
