"""Fragmentation of IPv4 packets by a router (RFC 791 section 3.2)."""

import struct

from netcore.packet.checksum import internet_checksum
from netcore.packet.packet import Buffer, Packet

_MORE_FRAGMENTS = 0x2000


def fragment_ipv4(frame: Buffer, packet: Packet, mtu_bytes: int) -> list[bytes]:
    """Frames whose IP packets are at most `mtu_bytes` long and together are the one given.

    Options are copied into every fragment, which is more than RFC 791 asks and harmless.
    `packet` describes `frame`, is IPv4 and has DF clear; `mtu_bytes` is at least 68.
    """
    l3, l4 = packet.l3_offset, packet.l4_offset
    header = bytes(frame[l3:l4])
    payload = frame[l4 : l3 + packet.ip_length]
    step = (mtu_bytes - len(header)) // 8 * 8
    ethernet = bytes(frame[:l3])
    fragments = []
    for position in range(0, len(payload), step):
        piece = bytes(payload[position : position + step])
        more = packet.more_fragments or position + step < len(payload)
        part = bytearray(header)
        offset = (packet.fragment_offset + position) // 8
        struct.pack_into("!H", part, 2, len(header) + len(piece))
        struct.pack_into("!H", part, 6, offset | (_MORE_FRAGMENTS if more else 0))
        struct.pack_into("!H", part, 10, 0)
        struct.pack_into("!H", part, 10, internet_checksum(part))
        fragments.append(ethernet + bytes(part) + piece)
    return fragments
