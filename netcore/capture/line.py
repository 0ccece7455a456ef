"""Frames as tcpdump prints them, on one line each, without the time."""

import struct

from netcore.capture.expression import inner_frame
from netcore.model.address import text
from netcore.model.errors import PacketError
from netcore.packet.checksum import Buffer
from netcore.packet.describe import describe
from netcore.packet.packet import Packet, parse_packet
from netcore.packet.protocols import (
    ETHERTYPE_ARP,
    ETHERTYPE_IPV4,
    ETHERTYPE_IPV6,
    PROTOCOL_TCP,
    PROTOCOL_UDP,
)

_FLAGS = ((0x02, "S"), (0x01, "F"), (0x04, "R"), (0x08, "P"), (0x20, "U"), (0x10, "."))
_TCP = struct.Struct("!4xIIBxH")
_FAMILIES = {ETHERTYPE_IPV4: "IP", ETHERTYPE_IPV6: "IP6"}
_VNI_AT = 12  # behind the UDP header and VXLAN's flags


def line(frame: Buffer, vxlan_port: int, original_bytes: int | None = None) -> str:
    """`IP 10.244.1.2.40000 > 10.96.0.5.80: Flags [S], seq 1, win 64240, length 0`.

    A VXLAN datagram is followed by what it carries. Of a frame that cannot be read, or was cut
    off at less than `original_bytes`, as much is said as there is.
    """
    view = memoryview(frame)
    size = len(view) if original_bytes is None else original_bytes
    try:
        packet = parse_packet(view)
    except PacketError as error:
        return f"[{'cut off' if size > len(view) else 'malformed'}: {error}], length {size}"
    inner = inner_frame(view, packet, vxlan_port)
    if inner is None:
        return _packet(view, packet)
    vni = int.from_bytes(view[packet.l4_offset + _VNI_AT :][:3], "big")
    inner_size = size - (len(view) - len(inner))
    return f"{_ends(packet)}: VXLAN, vni {vni}: {line(inner, vxlan_port, inner_size)}"


def _packet(frame: memoryview, packet: Packet) -> str:
    if packet.ethertype == ETHERTYPE_ARP or not packet.src or packet.fragment_offset:
        return describe(packet)
    payload = packet.l3_offset + packet.ip_length - packet.l4_offset
    if packet.protocol == PROTOCOL_TCP:
        return f"{_ends(packet)}: {_tcp(frame, packet, payload)}"
    if packet.protocol == PROTOCOL_UDP:
        return f"{_ends(packet)}: UDP, length {payload - 8}"
    return f"{_FAMILIES[packet.ethertype]} {describe(packet)}"


def _ends(packet: Packet) -> str:
    src, dst = text(packet.src), text(packet.dst)
    family = _FAMILIES[packet.ethertype]
    return f"{family} {src}.{packet.src_port} > {dst}.{packet.dst_port}"


def _tcp(frame: memoryview, packet: Packet, length: int) -> str:
    seq, ack, offset, window = _TCP.unpack_from(frame, packet.l4_offset)
    payload = length - (offset >> 2 & 0x3C)
    flags = "".join(sign for bit, sign in _FLAGS if packet.tcp_flags & bit) or "none"
    told = [f"Flags [{flags}]"]
    if payload or packet.tcp_flags & 0x07:
        told.append(f"seq {seq}:{seq + payload}" if payload else f"seq {seq}")
    if packet.tcp_flags & 0x10:
        told.append(f"ack {ack}")
    return ", ".join([*told, f"win {window}", f"length {payload}"])
