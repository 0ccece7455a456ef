"""Fragmentation of IPv4 packets by a router (RFC 791 section 3.2)."""

from dataclasses import replace

from netcore.packet.checksum import Buffer
from netcore.packet.ipv4 import IPV4_HEADER_BYTES, parse_ipv4
from netcore.packet.packet import Packet

_COPIED = 0x80  # the flag of options that every fragment has
_END_OF_OPTIONS = 0
_NO_OPERATION = 1


def fragment_ipv4(frame: Buffer, packet: Packet, mtu_bytes: int) -> list[bytes]:
    """Frames whose IP packets are at most `mtu_bytes` long and together are the one given.

    `packet` describes `frame`, is IPv4 and has DF clear; it may itself be a fragment.
    `mtu_bytes` is at least 68, which RFC 791 asks of every link.
    """
    l3 = packet.l3_offset
    ethernet = bytes(frame[:l3])
    header, payload = parse_ipv4(memoryview(frame)[l3:])
    fragments: list[bytes] = []
    position = 0
    while position < len(payload) or not fragments:
        options = _copied_options(header.options) if position else header.options
        room = (mtu_bytes - IPV4_HEADER_BYTES - len(options)) // 8 * 8
        piece = payload[position : position + room]
        is_last = position + len(piece) == len(payload)
        part = replace(
            header,
            total_length=IPV4_HEADER_BYTES + len(options) + len(piece),
            more_fragments=header.more_fragments or not is_last,
            fragment_offset=header.fragment_offset + position,
            options=options,
        )
        fragments.append(ethernet + part.with_checksum().encode() + piece)
        position += len(piece)
    return fragments


def _copied_options(options: bytes) -> bytes:
    """Those that belong into every fragment, padded. Malformed ones end the list."""
    copied = b""
    at = 0
    while at < len(options) and options[at] != _END_OF_OPTIONS:
        if options[at] == _NO_OPERATION:
            at += 1
            continue
        size = options[at + 1] if at + 1 < len(options) else 0
        if size < 2 or at + size > len(options):
            break
        if options[at] & _COPIED:
            copied += options[at : at + size]
        at += size
    return copied + bytes(-len(copied) % 4)
