"""Blocks of a pcapng file: what Wireshark and tcpdump read.

Every function gives whole blocks, in little-endian byte order, ready to be written one after the
other: the section header first, each interface before its packets. Interfaces are numbered from 0
in the order of their descriptions. Times are Unix time in nanoseconds.
Source: draft-ietf-opsawg-pcapng sections 3 and 4.
"""

import struct
from dataclasses import dataclass

LINKTYPE_ETHERNET = 1
MAX_SNAP_BYTES = 262_144
"""The longest packet that libpcap reads; also what tcpdump captures by default."""

_SECTION_HEADER = 0x0A0D0D0A
_INTERFACE_DESCRIPTION = 1
_INTERFACE_STATISTICS = 5
_ENHANCED_PACKET = 6
_BYTE_ORDER_MAGIC = 0x1A2B3C4D
_LENGTH_UNKNOWN = -1

_COMMENT = 1  # of every block
_SHB_APPLICATION = 4
_IDB_NAME, _IDB_DESCRIPTION, _IDB_TSRESOL, _IDB_FILTER = 2, 3, 9, 11
_EPB_FLAGS, _EPB_PACKET_ID = 2, 5
_ISB_END_TIME, _ISB_RECEIVED, _ISB_DROPPED = 3, 4, 5
_NANOSECONDS = b"\x09"  # ten to the power of minus nine
_FILTER_OF_LIBPCAP = b"\x00"
_INBOUND, _OUTBOUND = 1, 2
_MAX_OPTION_BYTES = 0xFFFF

_BLOCK = struct.Struct("<II")
_SHB_BODY = struct.Struct("<IHHq")
_IDB_BODY = struct.Struct("<HxxI")
_EPB_BODY = struct.Struct("<IIIII")
_ISB_BODY = struct.Struct("<III")
_OPTION = struct.Struct("<HH")
_U32 = struct.Struct("<I")
_U64 = struct.Struct("<Q")


@dataclass(frozen=True, slots=True)
class CapturedPacket:
    """`data` is what was kept of `original_bytes`. The direction is as the interface sees it.

    `packet_id` is the same for one packet wherever it was seen (0: not told).
    """

    interface: int
    time_ns: int
    data: bytes
    original_bytes: int
    inbound: bool
    comment: str = ""
    packet_id: int = 0


def section_header(application: str) -> bytes:
    """The start of a file."""
    body = _SHB_BODY.pack(_BYTE_ORDER_MAGIC, 1, 0, _LENGTH_UNKNOWN)
    return _block(_SECTION_HEADER, body, _text(_SHB_APPLICATION, application))


def interface_description(
    name: str, description: str, *, snap_bytes: int = MAX_SNAP_BYTES, capture_filter: str = ""
) -> bytes:
    """A place with Ethernet frames. libpcap wants the same `snap_bytes` for all of a file."""
    options = _text(_IDB_NAME, name) + _text(_IDB_DESCRIPTION, description)
    options += _option(_IDB_TSRESOL, _NANOSECONDS)
    if capture_filter:
        options += _option(_IDB_FILTER, _FILTER_OF_LIBPCAP + capture_filter.encode())
    body = _IDB_BODY.pack(LINKTYPE_ETHERNET, snap_bytes)
    return _block(_INTERFACE_DESCRIPTION, body, options)


def enhanced_packet(packet: CapturedPacket) -> bytes:
    """A packet with its direction and comment."""
    body = _EPB_BODY.pack(
        packet.interface,
        *_time(packet.time_ns),
        len(packet.data),
        packet.original_bytes,
    )
    options = _text(_COMMENT, packet.comment)
    options += _option(_EPB_FLAGS, _U32.pack(_INBOUND if packet.inbound else _OUTBOUND))
    if packet.packet_id:
        options += _option(_EPB_PACKET_ID, _U64.pack(packet.packet_id))
    return _block(_ENHANCED_PACKET, body + _padded(packet.data), options)


def interface_statistics(interface: int, end_ns: int, received: int, dropped: int) -> bytes:
    """What came of an interface: packets `received` and, of those, `dropped` for want of room."""
    options = _option(_ISB_END_TIME, struct.pack("<II", *_time(end_ns)))
    options += _option(_ISB_RECEIVED, _U64.pack(received))
    options += _option(_ISB_DROPPED, _U64.pack(dropped))
    return _block(_INTERFACE_STATISTICS, _ISB_BODY.pack(interface, *_time(end_ns)), options)


def _block(kind: int, body: bytes, options: bytes) -> bytes:
    if options:
        options += _OPTION.pack(0, 0)
    size = _BLOCK.size + len(body) + len(options) + _U32.size
    return _BLOCK.pack(kind, size) + body + options + _U32.pack(size)


def _option(code: int, value: bytes) -> bytes:
    return _OPTION.pack(code, len(value)) + _padded(value)


def _text(code: int, value: str) -> bytes:
    """UTF-8, cut between two characters where an option's length would not hold it."""
    if not value:
        return b""
    encoded = value.encode(errors="replace")[:_MAX_OPTION_BYTES]
    return _option(code, encoded.decode(errors="ignore").encode())


def _padded(value: bytes) -> bytes:
    return value + bytes(-len(value) % 4)


def _time(unix_ns: int) -> tuple[int, int]:
    return unix_ns >> 32 & 0xFFFFFFFF, unix_ns & 0xFFFFFFFF
