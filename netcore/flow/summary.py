"""The last column of a flow: what the packet is, in Hubble's words."""

from netcore.flow.record import DnsRecord, HttpRecord, Layer7
from netcore.packet.protocols import (
    PROTOCOL_ICMP,
    PROTOCOL_ICMPV6,
    PROTOCOL_TCP,
    TCP_ACK,
    TCP_FIN,
    TCP_PSH,
    TCP_RST,
    TCP_SYN,
    TCP_URG,
    protocol_name,
)

TCP_FLAGS = {
    "SYN": TCP_SYN,
    "ACK": TCP_ACK,
    "RST": TCP_RST,
    "FIN": TCP_FIN,
    "PSH": TCP_PSH,
    "URG": TCP_URG,
    "ECE": 0x40,
    "CWR": 0x80,
}
"""In the order in which they are told."""

_ICMP = {
    0: "EchoReply",
    3: "DestinationUnreachable",
    4: "SourceQuench",
    5: "Redirect",
    8: "EchoRequest",
    11: "TimeExceeded",
    12: "ParameterProblem",
}
_ICMP_CODES = {
    (3, 0): "Net",
    (3, 1): "Host",
    (3, 2): "Protocol",
    (3, 3): "Port",
    (3, 4): "FragmentationNeeded",
    (3, 13): "CommAdminProhibited",
    (11, 0): "TTLExceeded",
    (11, 1): "FragmentReassemblyTimeExceeded",
}
_ICMPV6 = {
    1: "DestinationUnreachable",
    2: "PacketTooBig",
    3: "TimeExceeded",
    4: "ParameterProblem",
    128: "EchoRequest",
    129: "EchoReply",
    133: "RouterSolicitation",
    134: "RouterAdvertisement",
    135: "NeighborSolicitation",
    136: "NeighborAdvertisement",
    137: "Redirect",
}
_ICMPV6_CODES = {
    (1, 0): "NoRouteToDst",
    (1, 1): "AdminProhibited",
    (1, 3): "Address",
    (1, 4): "Port",
    (3, 0): "HopLimitExceeded",
    (3, 1): "FragmentReassemblyTimeExceeded",
}
_RCODES = {
    1: "Format Error",
    2: "Server Failure",
    3: "Non-Existent Domain",
    4: "Not Implemented",
    5: "Query Refused",
}


def summarize(protocol: int, tcp_flags: int, icmp_type: int, icmp_code: int) -> str:
    """`TCP Flags: SYN, ACK`, `UDP`, `ICMPv4 EchoRequest`; empty where there is no IP."""
    if protocol == PROTOCOL_TCP:
        return f"TCP Flags: {', '.join(flag_names(tcp_flags))}" if tcp_flags else "TCP"
    if protocol == PROTOCOL_ICMP and icmp_type >= 0:
        return f"ICMPv4 {_icmp(_ICMP, _ICMP_CODES, icmp_type, icmp_code)}"
    if protocol == PROTOCOL_ICMPV6 and icmp_type >= 0:
        return f"ICMPv6 {_icmp(_ICMPV6, _ICMPV6_CODES, icmp_type, icmp_code)}"
    return protocol_name(protocol) if protocol else ""


def flag_names(tcp_flags: int) -> list[str]:
    return [name for name, bit in TCP_FLAGS.items() if tcp_flags & bit]


def summarize_layer7(found: Layer7) -> str:
    """`DNS Query web. A`, `HTTP/1.1 200 5ms (GET http://web/)`."""
    match found.record:
        case DnsRecord() as dns:
            return _dns(dns)
        case HttpRecord() as http:
            request = f"{http.method} {http.url}"
            if not found.is_response:
                return f"{http.protocol} {request}"
            milliseconds = found.latency_ns // 1_000_000
            return f"{http.protocol} {http.code} {milliseconds}ms ({request})"


def _dns(dns: DnsRecord) -> str:
    types = ",".join(dns.qtypes)
    if not dns.is_answer:
        return f"DNS Query {dns.query} {types}"
    about = f"(Proxy {dns.query} {types})"
    parts = []
    if dns.ips:
        parts.append(f'"{",".join(dns.ips)}"')
    if dns.ttl_s:
        parts.append(f"TTL: {dns.ttl_s}")
    if dns.cnames:
        parts.append(f'CNAMEs: "{",".join(dns.cnames)}"')
    if dns.rcode or not parts:
        code = _RCODES.get(dns.rcode, "No Error" if not dns.rcode else str(dns.rcode))
        parts = [f"RCode: {code}", *parts]
    return f"DNS Answer {' '.join(parts)} {about}"


def _icmp(
    types: dict[int, str], codes: dict[tuple[int, int], str], icmp_type: int, code: int
) -> str:
    name = types.get(icmp_type, f"{icmp_type}")
    detail = codes.get((icmp_type, code))
    if detail is None:
        return name if not code else f"{name}({code})"
    return f"{name}({detail})"
