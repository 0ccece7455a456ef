"""Reading the JSON of flows: what may be missing, and what protobuf leaves out when it is zero."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    Flow = Mapping[str, Any]

SOURCE, DESTINATION = "source", "destination"

EVENT_TYPES = {
    "drop": 1,
    "debug": 2,
    "capture": 3,
    "trace": 4,
    "policy-verdict": 5,
    "recorder": 6,
    "trace-sock": 7,
    "l7": 129,
    "agent": 130,
}
"""As `--type` names them (Cilium pkg/monitor/api/types.go)."""

TRACE_POINTS = (
    "to-endpoint",
    "to-proxy",
    "to-host",
    "to-stack",
    "to-overlay",
    "from-endpoint",
    "from-proxy",
    "from-host",
    "from-stack",
    "from-overlay",
    "from-network",
    "to-network",
    "from-crypto",
    "to-crypto",
)
"""By sub-type."""

SOCKET_POINTS = {
    "SOCK_XLATE_POINT_PRE_DIRECTION_FWD": "pre-xlate-fwd",
    "SOCK_XLATE_POINT_POST_DIRECTION_FWD": "post-xlate-fwd",
    "SOCK_XLATE_POINT_PRE_DIRECTION_REV": "pre-xlate-rev",
    "SOCK_XLATE_POINT_POST_DIRECTION_REV": "post-xlate-rev",
}

RESERVED_IDENTITIES = {
    0: "unknown",
    1: "host",
    2: "world",
    3: "unmanaged",
    4: "health",
    5: "init",
    6: "remote-node",
    7: "kube-apiserver",
    8: "ingress",
    9: "world-ipv4",
    10: "world-ipv6",
}

_PORTS = ("TCP", "UDP", "SCTP")


def part(of: Flow, name: str) -> Flow:
    """A message inside a message; empty when it is not there."""
    found = of.get(name)
    return found if isinstance(found, dict) else {}


def words(of: Flow, name: str) -> list[str]:
    """A list of strings; what is none in it is left out."""
    found = of.get(name)
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []


def text(of: Flow, name: str) -> str:
    found = of.get(name)
    return found if isinstance(found, str) else ""


def number(of: Flow, name: str) -> int:
    """A number, also where protobuf writes it as text."""
    found = of.get(name)
    if isinstance(found, str) and found.isascii() and found.isdecimal():
        return int(found[:20])
    return found if isinstance(found, int) and not isinstance(found, bool) else 0


def port(flow: Flow, side: str) -> int:
    """The port of one side, 0 without one."""
    layer4 = part(flow, "l4")
    return next(
        (number(part(layer4, name), f"{side}_port") for name in _PORTS if name in layer4), 0
    )


def event_type(flow: Flow) -> tuple[int, int]:
    """(type, sub-type)."""
    found = part(flow, "event_type")
    return number(found, "type"), number(found, "sub_type")
