"""FROM and TO as people write them, for traces and policies. Pure: nothing is looked up."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from ipaddress import ip_address

from netcore.model.errors import ConfigError

OUTSIDE = "outside"
_KINDS = {
    "po": "pod",
    "pod": "pod",
    "pods": "pod",
    "deploy": "deployment",
    "deployment": "deployment",
    "deployments": "deployment",
    "deployment.apps": "deployment",
    "svc": "service",
    "service": "service",
    "services": "service",
    "no": "node",
    "node": "node",
    "nodes": "node",
}
_PROTOCOLS = ("TCP", "UDP", "SCTP", "ICMP")
_PORT = re.compile(r":(?P<port>[^:/\[\]]*)(?:/(?P<protocol>[^:/\[\]]*))?$")
_DNS_NAME = re.compile(r"[A-Za-z0-9_]([-A-Za-z0-9_.]*[A-Za-z0-9_])?\.?")
_MAX_NAME = 253
_SOURCE_FORMS = "a pod's name, pod/NAME, deploy/NAME, NAMESPACE/NAME, node/NAME or outside"
_TARGET_FORMS = (
    "a pod's name, svc/NAME[:PORT], node/NAME:PORT, IP[:PORT], a DNS name[:PORT], each also as "
    "NAMESPACE/..., or a URL"
)


@dataclass(frozen=True, slots=True)
class Place:
    """`kind`: pod, deployment, service, node, outside, address, dns, or name: a pod's, else dns."""

    kind: str
    name: str
    namespace: str = ""

    def __str__(self) -> str:
        if self.kind in ("outside", "address", "dns", "name"):
            return self.name
        if self.kind == "node":
            return f"node {self.name}"
        return f"{self.kind} {self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Target:
    """`port`: a number, a Service port's name, or nothing. `protocol`: TCP, UDP, SCTP, ICMP, ""."""

    place: Place
    port: str = ""
    protocol: str = ""


def parse_source(text: str, namespace: str) -> Place:
    """FROM. Raises ConfigError with the forms that there are."""
    if text == OUTSIDE:
        return Place("outside", OUTSIDE)
    address = _address(text)
    if address is not None:
        return address
    if ":" in text:
        raise ConfigError(f"{quoted(text)}: FROM has no port, it belongs to TO")
    place = _named(text, namespace, _SOURCE_FORMS)
    if place.kind == "service":
        raise ConfigError(f"{quoted(text)}: a Service sends nothing itself: give {_SOURCE_FORMS}")
    return Place("pod", place.name, namespace) if place.kind == "name" else place


def parse_target(text: str, namespace: str, protocol: str = "") -> Target:
    """TO; `protocol` is the option's. Without any port and protocol it will be ICMP.

    Raises ConfigError when it is none of the forms, or when both name a protocol and differ.
    """
    where, port, written = _split_port(text)
    if written and protocol and written != protocol:
        raise ConfigError(
            f"{quoted(text)} says {written}, --protocol says {protocol}: give one of them"
        )
    protocol = written or protocol
    if protocol == "ICMP" and port:
        raise ConfigError(f"{quoted(text)}: ICMP has no ports: leave the port away")
    place = _address(where) or _named(where, namespace, _TARGET_FORMS)
    if place.kind != "service" and port and not _is_port(port):
        raise ConfigError(f"{quoted(text)}: {quoted(port)} is not a port: use 1 to 65535")
    if not port and protocol not in ("ICMP", "") and place.kind != "service":
        raise ConfigError(f"{quoted(text)}: {protocol} needs a port: write {where}:PORT")
    return Target(place, port, protocol)


def quoted(text: str) -> str:
    """In quotes and on one line, whatever it contains."""
    return json.dumps(text)


def _split_port(text: str) -> tuple[str, str, str]:
    """Place, port and protocol; an IPv6 address with a port is written [ADDRESS]:PORT."""
    if _ip(text) is not None:
        return text, "", ""
    found = _PORT.search(text)
    if found is None:
        return text, "", ""
    port, protocol = found["port"], (found["protocol"] or "").upper()
    if not port:
        raise ConfigError(f"{quoted(text)}: a port is missing behind the colon")
    if found["protocol"] is not None and protocol not in _PROTOCOLS:
        raise ConfigError(f"{quoted(text)}: the protocol is none of tcp, udp, sctp, icmp")
    return text[: found.start()], port, protocol


def _address(text: str) -> Place | None:
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    address = _ip(bare)
    return None if address is None else Place("address", address)


def _ip(text: str) -> str | None:
    try:
        return str(ip_address(text))
    except ValueError:
        return None


def _named(text: str, namespace: str, forms: str) -> Place:
    parts = text.split("/")
    if not all(_is_name(part) for part in parts):
        raise ConfigError(f"{quoted(text)} is not a name: give {forms}")
    match parts:
        case [name]:
            return Place("name", name, namespace)
        case [kind, name] if kind in _KINDS:
            return _place(_KINDS[kind], name, namespace)
        case [own, name]:
            return Place("pod", name, own)
        case [own, kind, name] if kind in _KINDS:
            return _place(_KINDS[kind], name, own)
    raise ConfigError(f"{quoted(text)}: give {forms}")


def _place(kind: str, name: str, namespace: str) -> Place:
    return Place(kind, name, "" if kind == "node" else namespace)


def _is_name(text: str) -> bool:
    return len(text) <= _MAX_NAME and _DNS_NAME.fullmatch(text) is not None


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) < 65536
