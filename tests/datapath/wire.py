"""The packets of scenario files as frames, and frames in the words of scenario files."""

from typing import Any

from netcore.model.address import parse_mac, text
from netcore.packet.packet import Packet, QuotedTuple, parse_packet
from netcore.packet.protocols import (
    TCP_ACK,
    TCP_FIN,
    TCP_RST,
    TCP_SYN,
    protocol_name,
)
from tests.datapath.scenario import ends
from tests.support import frames

_FLAGS = {"SYN": TCP_SYN, "ACK": TCP_ACK, "FIN": TCP_FIN, "RST": TCP_RST}
_ERRORS = {  # (ICMP, ICMPv6) type and code
    "port unreachable": ((3, 3), (1, 4)),
    "time exceeded": ((11, 0), (3, 0)),
    "fragmentation needed": ((3, 4), (2, 0)),
}


def frame_of(packet: dict[str, Any]) -> bytearray:
    """The frame that a scenario describes. Its source MAC is the sender's unless it names one."""
    packet = dict(packet)
    mac = packet.pop("mac", "")
    made = _build(packet)
    if mac:
        made[6:12] = parse_mac(mac)
    return made


def _build(packet: dict[str, Any]) -> bytearray:
    (src, sport), (dst, dport) = ends(packet["src"]), ends(packet["dst"])
    size, ttl = packet.get("size", 0), packet.get("ttl", 64)
    wide = len(src) == 16
    header_bytes = 40 if wide else 20
    if "fragment" in packet:
        body = bytes(max(8, size - header_bytes))
        offset, more = packet.get("offset", 0), packet.get("more", False)
        if not offset:
            body = frames.udp(src, dst, sport, dport, body)[14 + header_bytes :]
        identification = packet["fragment"]
        return frames.fragment(
            *(src, dst, 17, bytes(body), offset),
            more=more,
            identification=identification,
            ttl=ttl,
        )
    if "offset" in packet:
        body = bytes(max(8, size - header_bytes))
        return frames.ip(src, dst, 17, body, ttl=ttl, fragment_offset=packet["offset"])
    match packet["protocol"]:
        case "TCP":
            flags = sum(_FLAGS[name] for name in packet.get("flags", "SYN").split(","))
            data = bytes(max(0, size - header_bytes - 20))
            return frames.tcp(src, dst, sport, dport, data, flags=flags, ttl=ttl)
        case "UDP":
            data = bytes(max(0, size - header_bytes - 8))
            df = packet.get("df", False)
            made = frames.udp(src, dst, sport, dport, data, dont_fragment=df)
            return made if ttl == 64 else frames.ip(src, dst, 17, bytes(made[34:]), ttl=ttl)
        case "ICMP" if "error" in packet:
            kind, code = _ERRORS[packet["error"]][wide]
            quoted = frame_of(packet["about"])[14 : 14 + 60]
            return frames.icmp(src, dst, kind, code, body=bytes(quoted))
        case "ICMP":
            return frames.echo(src, dst, packet.get("id", 7))
        case other:
            raise AssertionError(f"no such protocol in scenarios: {other}")


def ends_of(frame: bytes | bytearray | memoryview) -> str:
    """`10.244.1.2:40000 -> 10.244.2.3:80`, the ends of a frame."""
    return format_ends(parse_packet(frame))


def format_ends(packet: Packet | QuotedTuple) -> str:
    return f"{_end(packet.src, packet.src_port)} -> {_end(packet.dst, packet.dst_port)}"


def format_flow(protocol: int, src: bytes, sport: int, dst: bytes, dport: int) -> str:
    return f"{protocol_name(protocol)} {_end(src, sport)} -> {_end(dst, dport)}"


def _end(ip: bytes, port: int) -> str:
    address = f"[{text(ip)}]" if len(ip) == 16 else text(ip)
    return f"{address}:{port}"
