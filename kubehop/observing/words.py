"""The columns of a flow in Hubble's words (Cilium hubble/pkg/printer/printer.go)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubehop.observing.flow import (
    DESTINATION,
    EVENT_TYPES,
    RESERVED_IDENTITIES,
    SOCKET_POINTS,
    SOURCE,
    TRACE_POINTS,
    event_type,
    number,
    part,
    port,
    text,
    words,
)

if TYPE_CHECKING:
    from kubehop.observing.flow import Flow

_MATCHES = ("none", "L3-Only", "L3-L4", "L4-Only", "all", "L3-Proto", "Proto-Only")
_OF_POLICIES = {
    "FORWARDED": "ALLOWED",
    "REDIRECTED": "ALLOWED",
    "DROPPED": "DENIED",
    "ERROR": "DENIED",
    "AUDIT": "AUDITED",
}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DROPS = {
    130: "Invalid source mac",
    131: "Invalid destination mac",
    132: "Invalid source ip",
    133: "Policy denied",
    134: "Invalid packet",
    135: "CT: Truncated or invalid header",
    136: "Fragmentation needed",
    137: "CT: Unknown L4 protocol",
    139: "Unsupported L3 protocol",
    140: "Missed tail call",
    141: "Error writing to packet",
    142: "Unknown L4 protocol",
    151: "Stale or unroutable IP",
    152: "No matching local container found",
    155: "CT: Map insertion failed",
    156: "Invalid IPv6 extension header",
    157: "IP fragmentation not supported",
    158: "Service backend not found",
    160: "No tunnel/encapsulation endpoint (datapath BUG!)",
    161: "Failed to insert into proxymap",
    162: "Reached EDT rate-limiting drop horizon",
    163: "Unknown connection tracking state",
    164: "Local host is unreachable",
    166: "Unsupported L2 protocol",
    167: "No mapping for NAT masquerade",
    168: "Unsupported protocol for NAT masquerade",
    169: "FIB lookup failed",
    170: "Encapsulation traffic is prohibited",
    171: "Invalid identity",
    172: "Unknown sender",
    173: "NAT not needed",
    174: "Is a ClusterIP",
    175: "First logical datagram fragment not found",
    176: "Forbidden ICMPv6 message",
    177: "Denied by LB src range check",
    178: "Socket lookup failed",
    179: "Socket assign failed",
    180: "Proxy redirection not supported for protocol",
    181: "Policy denied by denylist",
    183: "Incorrect VNI from VTEP",
    196: "TTL exceeded",
}
"""Cilium pkg/monitor/api/drop.go."""


def stamp(time: str) -> str:
    """Go's StampMilli of an RFC 3339 time in UTC: `Jan _2 15:04:05.000`; else `N/A`."""
    date, _, clock = time.rstrip("Z").partition("T")
    seconds, _, fraction = clock.partition(".")
    try:
        _, month, day = (int(each) for each in date.split("-"))
        return f"{_MONTHS[month - 1]} {day:>2} {seconds}.{fraction[:3]:0<3}"
    except (ValueError, IndexError):
        return "N/A"


def host(flow: Flow, side: str, *, translate: bool = True) -> str:
    """`ns/pod:port`, else `ns/service:port`, else its DNS names, else the address."""
    addresses = part(flow, "IP")
    if not addresses:
        return text(part(flow, "ethernet"), side)
    name = _name(flow, side) if translate else ""
    name = name or text(addresses, side)
    found = port(flow, side)
    if not found:
        return name
    return f"[{name}]:{found}" if ":" in name else f"{name}:{found}"


def _name(flow: Flow, side: str) -> str:
    end, service = part(flow, side), part(flow, f"{side}_service")
    if pod := text(end, "pod_name"):
        return _joined(text(end, "namespace"), pod)
    if name := text(service, "name"):
        return _joined(text(service, "namespace"), name)
    return ",".join(words(flow, f"{side}_names"))


def _joined(namespace: str, name: str) -> str:
    return f"{namespace}/{name}" if namespace else name


def identity(flow: Flow, side: str) -> str:
    """`(world)`, `(ID:12885)`."""
    found = number(part(flow, side), "identity")
    reserved = RESERVED_IDENTITIES.get(found)
    return f"({reserved})" if reserved is not None else f"(ID:{found})"


def kind(flow: Flow) -> str:
    """`to-endpoint`, `Policy denied`, `policy-verdict:L3-L4 INGRESS`, `dns-request proxy`."""
    if layer7 := part(flow, "l7"):
        return _layer7(layer7)
    found, sub_type = event_type(flow)
    if found == EVENT_TYPES["trace"]:
        return TRACE_POINTS[sub_type] if sub_type < len(TRACE_POINTS) else str(sub_type)
    if found == EVENT_TYPES["drop"]:
        return _DROPS.get(sub_type, str(sub_type))
    if found == EVENT_TYPES["policy-verdict"]:
        match = number(flow, "policy_match_type")
        name = _MATCHES[match] if match < len(_MATCHES) else str(match)
        direction = text(flow, "traffic_direction") or "TRAFFIC_DIRECTION_UNKNOWN"
        return f"policy-verdict:{name} {direction}"
    if found == EVENT_TYPES["trace-sock"]:
        point = text(flow, "sock_xlate_point") or "SOCK_XLATE_POINT_UNKNOWN"
        return SOCKET_POINTS.get(point, point)
    return "UNKNOWN"


def _layer7(layer7: Flow) -> str:
    said = (text(layer7, "type") or "UNKNOWN_L7_TYPE").lower()
    if "http" in layer7:
        return f"http-{said}"
    if "dns" in layer7:
        return f"dns-{said} {text(part(layer7, 'dns'), 'observation_source')}"
    return f"l7-{said}"


def verdict(flow: Flow, *, policy_names: bool = True) -> str:
    """`FORWARDED`, and of policies `DENIED BY x/default-deny (NetworkPolicy)`."""
    found = text(flow, "verdict") or "VERDICT_UNKNOWN"
    if event_type(flow)[0] != EVENT_TYPES["policy-verdict"]:
        return found
    found = _OF_POLICIES.get(found, found)
    names = ", ".join(_policies(flow)) if policy_names else ""
    return f"{found} BY {names}" if names else found


def _policies(flow: Flow) -> list[str]:
    return [
        f"{_joined(text(each, 'namespace'), text(each, 'name'))} ({text(each, 'kind')})"
        for direction in ("egress", "ingress")
        for outcome in ("allowed", "denied")
        for each in flow.get(f"{direction}_{outcome}_by") or ()
        if isinstance(each, dict)
    ]


def arrow(flow: Flow) -> tuple[str, str, str]:
    """(left side, arrow, right side): answers point back to who asked."""
    if "is_reply" not in flow or flow["is_reply"] is None:
        return SOURCE, "<>", DESTINATION
    return (DESTINATION, "<-", SOURCE) if flow["is_reply"] else (SOURCE, "->", DESTINATION)


def printable(line: str) -> str:
    """Without what a terminal would obey."""
    if line.isprintable():
        return line
    return "".join(each if each.isprintable() else f"\\x{ord(each):02x}" for each in line)
