"""Packets in words, for traces."""

from netcore.model.address import authority, format_mac, text
from netcore.packet.packet import Packet, QuotedTuple
from netcore.packet.protocols import (
    ETHERTYPE_ARP,
    ICMP_DESTINATION_UNREACHABLE,
    ICMPV6_DESTINATION_UNREACHABLE,
    PROTOCOL_ICMP,
    PROTOCOL_TCP,
    PROTOCOLS_WITH_PORTS,
    TCP_ACK,
    TCP_FIN,
    TCP_PSH,
    TCP_RST,
    TCP_SYN,
    TCP_URG,
    protocol_name,
)

_TCP_FLAGS = {
    TCP_SYN: "SYN",
    TCP_FIN: "FIN",
    TCP_RST: "RST",
    TCP_PSH: "PSH",
    TCP_URG: "URG",
    TCP_ACK: "ACK",
}
_ICMP_TYPES = {
    0: "echo reply",
    3: "destination unreachable",
    4: "source quench",
    5: "redirect",
    8: "echo request",
    11: "time exceeded",
    12: "parameter problem",
}
_ICMP_UNREACHABLE = {
    0: "network unreachable",
    1: "host unreachable",
    2: "protocol unreachable",
    3: "port unreachable",
    4: "fragmentation needed",
    13: "administratively prohibited",
}
_ICMPV6_TYPES = {
    1: "destination unreachable",
    2: "packet too big",
    3: "time exceeded",
    4: "parameter problem",
    128: "echo request",
    129: "echo reply",
    133: "router solicitation",
    134: "router advertisement",
    135: "neighbor solicitation",
    136: "neighbor advertisement",
    137: "redirect",
}
_ICMPV6_UNREACHABLE = {
    0: "no route to destination",
    1: "administratively prohibited",
    3: "address unreachable",
    4: "port unreachable",
}


def describe(packet: Packet) -> str:
    """One line, such as `TCP SYN 10.244.1.2:40000 -> 10.96.0.5:80, 60 bytes`.

    The size is that of the IP packet, for other frames that of what Ethernet carries.
    """
    size = f"{packet.ip_length} bytes"
    if packet.ethertype == ETHERTYPE_ARP:
        return f"ARP {text(packet.src)} about {text(packet.dst)}, {size}"
    if not packet.src:
        ends = f"{format_mac(packet.src_mac)} -> {format_mac(packet.dst_mac)}"
        return f"EtherType {packet.ethertype:#06x} {ends}, {size}"
    name = protocol_name(packet.protocol)
    if packet.fragment_offset:
        ends = f"{text(packet.src)} -> {text(packet.dst)}"
        return f"{name} fragment {ends}, {size} from byte {packet.fragment_offset} on"
    if packet.protocol == PROTOCOL_TCP:
        name = f"{name} {_tcp_flags(packet.tcp_flags)}"
    elif packet.icmp_type >= 0:
        name = f"{name} {_icmp_message(packet)}"
    return f"{name} {_ends(packet)}, {_details(packet)}{size}"


def _details(packet: Packet) -> str:
    if packet.quoted is not None:
        quoted = packet.quoted
        return f"about {protocol_name(quoted.protocol)} {_ends(quoted)}, "
    if packet.icmp_type >= 0 and packet.src_port:
        return f"id {packet.src_port}, "
    return ""


def _ends(packet: Packet | QuotedTuple) -> str:
    src, dst = text(packet.src), text(packet.dst)
    if packet.protocol not in PROTOCOLS_WITH_PORTS:
        return f"{src} -> {dst}"
    return f"{authority(src, packet.src_port)} -> {authority(dst, packet.dst_port)}"


def _tcp_flags(flags: int) -> str:
    return ",".join(name for bit, name in _TCP_FLAGS.items() if flags & bit) or "without flags"


def _icmp_message(packet: Packet) -> str:
    kind, code = packet.icmp_type, packet.icmp_code
    if packet.protocol == PROTOCOL_ICMP:
        unreachable, types = ICMP_DESTINATION_UNREACHABLE, _ICMP_TYPES
        codes = _ICMP_UNREACHABLE
    else:
        unreachable, types = ICMPV6_DESTINATION_UNREACHABLE, _ICMPV6_TYPES
        codes = _ICMPV6_UNREACHABLE
    if kind == unreachable and code in codes:
        return codes[code]
    return types.get(kind) or f"type {kind} code {code}"
