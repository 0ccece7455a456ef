"""What a trace request asks for."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from controlplane.api.errors import bad_request
from controlplane.api.extensions.arguments import read_json, read_trace_timeout_s
from controlplane.rpc.agent_types import Flow

_PROTOCOLS = ("TCP", "UDP", "SCTP")


@dataclass(frozen=True, slots=True)
class HttpTrace:
    """Fetch a URL from the pod and watch the packets."""

    url: str
    timeout_s: float


def parse_request(body: bytes) -> HttpTrace | Flow:
    """The request: a URL to fetch, or the flow of a probe. Raises StatusError 400."""
    found = read_json(body)
    if not isinstance(found, dict) or ("url" in found) == ("probe" in found):
        raise bad_request('give either {"url": "http://..."} or {"probe": {...}}')
    if "probe" in found:
        return _probe(found["probe"])
    return HttpTrace(_url(found["url"]), read_trace_timeout_s(found.get("timeoutSeconds")))


def _url(value: Any) -> str:
    try:
        parts = urlsplit(value) if isinstance(value, str) else None
        usable = parts is not None and parts.scheme == "http" and bool(parts.hostname)
    except ValueError:
        usable = False
    if not usable:
        raise bad_request(f"url: {value!r} is not like http://name:port/path")
    return str(value)


def _probe(value: Any) -> Flow:
    if not isinstance(value, dict):
        raise bad_request('probe: not like {"destination": "10.96.0.5", "port": 80}')
    protocol = value.get("protocol", "TCP")
    if protocol not in _PROTOCOLS:
        raise bad_request(f"probe.protocol: {protocol!r} is none of {', '.join(_PROTOCOLS)}")
    return Flow(
        protocol=protocol,
        source="",
        source_port=_port(value, "sourcePort", default=0),
        destination=_address(value.get("destination")),
        destination_port=_port(value, "port"),
    )


def _port(value: dict[str, Any], name: str, default: int | None = None) -> int:
    port = value.get(name, default)
    if name not in value and default is not None:
        return default
    if type(port) is not int or not 0 < port < 65536:
        raise bad_request(f"probe.{name}: {port!r} is not a port (1 to 65535)")
    return port


def _address(value: Any) -> str:
    try:
        return str(ip_address(str(value)))
    except ValueError as error:
        raise bad_request(f"probe.destination: {value!r} is no IP address") from error
