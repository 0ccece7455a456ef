"""What a trace request asks for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from controlplane.api.errors import bad_request
from controlplane.rpc.agent_types import Flow

DEFAULT_TIMEOUT_S = 10.0
MAX_TIMEOUT_S = 120.0
_PROTOCOLS = ("TCP", "UDP", "SCTP")


@dataclass(frozen=True, slots=True)
class HttpTrace:
    """Fetch a URL from the pod and watch the packets."""

    url: str
    timeout_s: float


def parse_request(body: bytes) -> HttpTrace | Flow:
    """The request: a URL to fetch, or the flow of a probe. Raises StatusError 400."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise bad_request(f"the body is no JSON: {error}") from error
    if not isinstance(found, dict) or ("url" in found) == ("probe" in found):
        raise bad_request('give either {"url": "http://..."} or {"probe": {...}}')
    if "probe" in found:
        return _probe(found["probe"])
    return HttpTrace(_url(found["url"]), _timeout(found.get("timeoutSeconds")))


def _url(value: Any) -> str:
    try:
        parts = urlsplit(value) if isinstance(value, str) else None
        usable = parts is not None and parts.scheme == "http" and bool(parts.hostname)
    except ValueError:
        usable = False
    if not usable:
        raise bad_request(f"url: {value!r} is not like http://name:port/path")
    return str(value)


def _timeout(value: Any) -> float:
    if value is None:
        return DEFAULT_TIMEOUT_S
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise bad_request(f"timeoutSeconds: {value!r} is not a number")
    if not 0 < value <= MAX_TIMEOUT_S:
        raise bad_request(f"timeoutSeconds: {value} is not between 0 and {MAX_TIMEOUT_S:.0f}")
    return float(value)


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
