"""What a request for the trace of one packet asks for."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from controlplane.api.errors import bad_request
from controlplane.api.extensions.arguments import read_json, read_trace_timeout_s

_MAX_ADDRESSES = 1024
_MAX_NAME = 255
_PROTOCOLS = ("TCP", "UDP", "ICMP")


@dataclass(frozen=True, slots=True)
class FromPod:
    """The packet is sent from a pod's network namespace."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class FromNode:
    """The packet is sent from the node itself."""

    name: str


@dataclass(frozen=True, slots=True)
class Destination:
    """An address or a name that is resolved where the packet is sent; ICMP has no port."""

    host: str
    port: int
    protocol: str


@dataclass(frozen=True, slots=True)
class PacketTrace:
    """Send a packet and watch it; without a source only watch `addresses`, until the timeout."""

    source: FromPod | FromNode | None
    destination: Destination | None
    addresses: tuple[str, ...]
    timeout_s: float


def parse_packet_request(body: bytes) -> PacketTrace:
    """Raises StatusError 400 naming the field."""
    found = read_json(body)
    if not isinstance(found, dict):
        raise bad_request('the body is no object like {"from": {...}, "to": {...}}')
    source = _source(found.get("from"))
    if (source is None) != (found.get("to") is None):
        raise bad_request("give both of from and to, or neither and addresses to watch")
    destination = None if source is None else _destination(found["to"])
    addresses = _addresses(found.get("addresses", []))
    if source is None and not addresses:
        raise bad_request("addresses: at least one is needed to watch")
    return PacketTrace(
        source, destination, addresses, read_trace_timeout_s(found.get("timeoutSeconds"))
    )


def _source(value: Any) -> FromPod | FromNode | None:
    match value:
        case None:
            return None
        case {"pod": {"namespace": str(namespace), "name": str(name)}} if namespace and name:
            return FromPod(namespace, name)
        case {"node": str(name)} if name:
            return FromNode(name)
    message = 'from: not like {"pod": {"namespace": "default", "name": "web"}} or {"node": "n"}'
    raise bad_request(message)


def _destination(value: Any) -> Destination:
    if not isinstance(value, dict):
        raise bad_request('to: not like {"host": "10.96.0.5", "port": 80, "protocol": "TCP"}')
    host, protocol = value.get("host"), value.get("protocol", "TCP")
    # What begins with "-" would be taken for an option by the program that sends.
    if not isinstance(host, str) or not 0 < len(host) <= _MAX_NAME or host.startswith("-"):
        raise bad_request(f"to.host: {host!r} is no address or name")
    if protocol not in _PROTOCOLS:
        raise bad_request(f"to.protocol: {protocol!r} is none of {', '.join(_PROTOCOLS)}")
    port = value.get("port", 0)
    if protocol != "ICMP" and (type(port) is not int or not 0 < port < 65536):
        raise bad_request(f"to.port: {port!r} is not a port (1 to 65535)")
    return Destination(host, 0 if protocol == "ICMP" else port, protocol)


def _addresses(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > _MAX_ADDRESSES:
        raise bad_request(f"addresses: not a list of at most {_MAX_ADDRESSES}")
    try:
        return tuple(str(ip_address(str(address))) for address in value)
    except ValueError as error:
        raise bad_request(f"addresses: {error}") from error
