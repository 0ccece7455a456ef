"""What a filter's value means: from text to a question that a flow answers.

Every maker raises ConfigError for a value that cannot be. Sides are `source` and `destination`.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

from kubehop.observing.flow import (
    EVENT_TYPES,
    RESERVED_IDENTITIES,
    SOCKET_POINTS,
    TRACE_POINTS,
    event_type,
    number,
    part,
    port,
    text,
    words,
)
from kubehop.observing.labels import label_selector
from netcore.flow.summary import TCP_FLAGS
from netcore.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubehop.observing.flow import Flow

    Question = Callable[[Flow], bool]
    SidedQuestion = Callable[[Flow, str], bool]

_PROTOCOLS = ("tcp", "udp", "sctp", "icmp", "icmpv4", "icmpv6", "http", "dns")
_VERDICTS = ("FORWARDED", "DROPPED", "ERROR", "AUDIT", "REDIRECTED", "TRACED", "TRANSLATED")
_STATUS = re.compile(r"([1-5][0-9]{0,2}\+|[1-5][0-9]{2})")


def pod(value: str, namespace: str = "default") -> SidedQuestion:
    """`[namespace/]prefix`; without a namespace that of `namespace`, where empty is any."""
    wanted, prefix = _qualified(value, namespace)
    return lambda flow, side: _is_named(part(flow, side), "pod_name", wanted, prefix)


def service(value: str, namespace: str = "default") -> SidedQuestion:
    """`[namespace/]prefix`, as for pods."""
    wanted, prefix = _qualified(value, namespace)
    return lambda flow, side: _is_named(part(flow, f"{side}_service"), "name", wanted, prefix)


def in_namespace(value: str) -> SidedQuestion:
    return lambda flow, side: text(part(flow, side), "namespace") == value


def label(value: str) -> SidedQuestion:
    """A label selector, as kubectl's `-l`."""
    selects = label_selector(value)
    return lambda flow, side: selects(words(part(flow, side), "labels"))


def ip(value: str) -> SidedQuestion:
    """An address or a CIDR."""
    try:
        network = ip_network(value, strict=False)
    except ValueError as error:
        raise ConfigError(f"{value!r} is neither an IP address nor a CIDR") from error

    def matches(flow: Flow, side: str) -> bool:
        try:
            address = ip_address(text(part(flow, "IP"), side))
        except ValueError:
            return False
        return address.version == network.version and address in network

    return matches


def port_number(value: str) -> SidedQuestion:
    if not value.isascii() or not value.isdecimal() or not 0 < int(value[:6]) < 65536:
        raise ConfigError(f"{value!r} is not a port (1 to 65535)")
    return lambda flow, side: port(flow, side) == int(value)


def fqdn(value: str) -> SidedQuestion:
    """A DNS name, where `*` stands for anything."""
    pattern = value.rstrip(".").lower()
    return lambda flow, side: any(
        fnmatchcase(name.lower(), pattern) for name in words(flow, f"{side}_names")
    )


def identity(value: str) -> SidedQuestion:
    """A number or the name of a reserved identity."""
    numbers = {name: found for found, name in RESERVED_IDENTITIES.items()}
    if value.isascii() and value.isdecimal():
        wanted = int(value[:10])
    elif value in numbers:
        wanted = numbers[value]
    else:
        known = ", ".join(numbers)
        raise ConfigError(f"{value!r} is neither an identity's number nor one of {known}")
    return lambda flow, side: number(part(flow, side), "identity") == wanted


def protocol(value: str) -> Question:
    name = _one_of(value.lower(), _PROTOCOLS)
    if name in ("http", "dns"):
        return lambda flow: name in part(flow, "l7")
    if name == "icmp":
        return lambda flow: not {"ICMPv4", "ICMPv6"}.isdisjoint(part(flow, "l4"))
    key = {"icmpv4": "ICMPv4", "icmpv6": "ICMPv6"}.get(name, name.upper())
    return lambda flow: key in part(flow, "l4")


def verdict(value: str) -> Question:
    name = _one_of(value.upper(), _VERDICTS)
    return lambda flow: text(flow, "verdict") == name


def kind(value: str) -> Question:
    """`TYPE[:SUBTYPE]`: names or numbers."""
    name, _, detail = value.partition(":")
    wanted = int(name[:5]) if _is_number(name) else EVENT_TYPES[_one_of(name, tuple(EVENT_TYPES))]
    if not detail:
        return lambda flow: event_type(flow)[0] == wanted
    sub_type = _sub_type(wanted, detail)
    return lambda flow: event_type(flow) == (wanted, sub_type)


def _sub_type(kind_number: int, detail: str) -> int:
    if _is_number(detail):
        return int(detail[:5])
    if kind_number == EVENT_TYPES["trace-sock"]:
        points = tuple(SOCKET_POINTS.values())
        return list(SOCKET_POINTS.values()).index(_one_of(detail, points)) + 1
    if kind_number == EVENT_TYPES["trace"]:
        return TRACE_POINTS.index(_one_of(detail, TRACE_POINTS))
    raise ConfigError(f"{detail!r}: only trace and trace-sock have named sub-types")


def direction(value: str) -> Question:
    name = _one_of(value.upper(), ("INGRESS", "EGRESS"))
    return lambda flow: text(flow, "traffic_direction") == name


def node_name(value: str) -> Question:
    """A node's name, where `*` stands for anything."""
    return lambda flow: fnmatchcase(text(flow, "node_name"), value)


def drop_reason(value: str) -> Question:
    return lambda flow: text(flow, "drop_reason_desc") == value.upper()


def tcp_flags(value: str) -> Question:
    """Flags that are all set: `SYN,ACK`."""
    wanted = [_one_of(each.strip().upper(), tuple(TCP_FLAGS)) for each in value.split(",")]
    return lambda flow: all(
        part(part(part(flow, "l4"), "TCP"), "flags").get(each) for each in wanted
    )


def ip_version(value: str) -> Question:
    return lambda flow: text(part(flow, "IP"), "ipVersion") == value


def http_method(value: str) -> Question:
    return lambda flow: text(_http(flow), "method") == value.upper()


def http_status(value: str) -> Question:
    """A code, or with `+` at its end a prefix: `5+`."""
    if not _STATUS.fullmatch(value):
        raise ConfigError(f"{value!r} is no HTTP status such as 404 or 5+")
    if value.endswith("+"):
        return lambda flow: str(number(_http(flow), "code")).startswith(value[:-1])
    return lambda flow: number(_http(flow), "code") == int(value)


def http_path(value: str) -> Question:
    """A regular expression for the whole path."""
    pattern = _pattern(value)
    return lambda flow: bool(pattern.fullmatch(_path(text(_http(flow), "url"))))


def http_url(value: str) -> Question:
    """A regular expression for the whole URL."""
    pattern = _pattern(value)
    return lambda flow: bool(pattern.fullmatch(text(_http(flow), "url")))


def uuid(value: str) -> Question:
    return lambda flow: text(flow, "uuid") == value


def _http(flow: Flow) -> Flow:
    return part(part(flow, "l7"), "http")


def _path(url: str) -> str:
    _, absolute, rest = url.partition("://")
    path = rest[rest.find("/") :] if absolute and "/" in rest else "/" if absolute else url
    return path.partition("?")[0]


def _pattern(value: str) -> re.Pattern[str]:
    try:
        return re.compile(value)
    except re.error as error:
        raise ConfigError(f"{value!r} is no regular expression: {error}") from error


def _qualified(value: str, namespace: str) -> tuple[str, str]:
    before, separator, name = value.partition("/")
    if "/" in name:
        raise ConfigError(f"{value!r} is not like NAME or NAMESPACE/NAME")
    return (before, name) if separator else (namespace, value)


def _is_named(end: Flow, key: str, namespace: str, prefix: str) -> bool:
    name = text(end, key)
    return (
        bool(name)
        and name.startswith(prefix)
        and (not namespace or text(end, "namespace") == namespace)
    )


def _is_number(value: str) -> bool:
    return value.isascii() and value.isdecimal()


def _one_of(value: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise ConfigError(f"{value!r} is none of {', '.join(known)}")
    return value
