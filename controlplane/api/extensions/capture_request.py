"""What a capture request asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from controlplane.api.errors import bad_request
from controlplane.api.extensions.arguments import read_json, read_timeout_s
from netcore.capture.filter import parse_filter
from netcore.capture.pcapng import MAX_SNAP_BYTES
from netcore.model.errors import ConfigError

MAX_TIMEOUT_S = 7 * 24 * 3600.0
_FIELDS = {"pod", "node", "link", "filter", "snapLength", "timeoutSeconds"}


@dataclass(frozen=True, slots=True)
class Everywhere:
    """All places of all nodes."""


@dataclass(frozen=True, slots=True)
class AtPod:
    """A pod's eth0."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class AtNode:
    """All places of a node."""

    name: str


@dataclass(frozen=True, slots=True)
class AtLink:
    """The underlay between two nodes."""

    nodes: tuple[str, str]


Target = Everywhere | AtPod | AtNode | AtLink


@dataclass(frozen=True, slots=True)
class CaptureWish:
    """`timeout_s` None: until the client leaves. `snap_bytes` 0: whole frames."""

    target: Target
    filter: str
    snap_bytes: int
    timeout_s: float | None


def parse_request(body: bytes) -> CaptureWish:
    """Raises StatusError 400 naming the field."""
    found = read_json(body or b"{}")
    if not isinstance(found, dict):
        raise bad_request('give {"pod": {...}}, {"node": "..."}, {"link": ["...", "..."]} or {}')
    if unknown := sorted(found.keys() - _FIELDS):
        raise bad_request(f"unknown field {unknown[0]!r}: there are {', '.join(sorted(_FIELDS))}")
    return CaptureWish(
        _target(found),
        _filter(found.get("filter", "")),
        _snap_bytes(found.get("snapLength", 0)),
        _timeout(found.get("timeoutSeconds")),
    )


def _target(found: dict[str, Any]) -> Target:
    given = [name for name in ("pod", "node", "link") if name in found]
    if len(given) > 1:
        raise bad_request(f"{' and '.join(given)}: give one of them")
    match found:
        case {"pod": {"namespace": str(namespace), "name": str(name)}}:
            return AtPod(namespace, name)
        case {"node": str(name)}:
            return AtNode(name)
        case {"link": [str(first), str(second)]} if first != second:
            return AtLink((first, second))
    if given:
        raise bad_request(f"{given[0]}: {_MEANT[given[0]]}")
    return Everywhere()


_MEANT = {
    "pod": 'not like {"namespace": "default", "name": "web"}',
    "node": "not a name",
    "link": 'not two different nodes, as ["node-1", "node-2"]',
}


def _filter(value: Any) -> str:
    if not isinstance(value, str):
        raise bad_request("filter: not a text")
    try:
        parse_filter(value)
    except ConfigError as error:
        raise bad_request(str(error)) from error
    return value


def _snap_bytes(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= MAX_SNAP_BYTES:
        raise bad_request(f"snapLength: {value!r} is not between 0 and {MAX_SNAP_BYTES}")
    return value


def _timeout(value: Any) -> float | None:
    return None if value is None else read_timeout_s(value, MAX_TIMEOUT_S)
