"""What surrounds a packet: where it came in, when, and the sources of chance."""

from collections.abc import Callable
from dataclasses import dataclass

from netcore.service.balancing import BalancingView


@dataclass(frozen=True, slots=True)
class FromPod:
    """In through the device of a local pod, which has these packed addresses and this MAC."""

    ips: tuple[bytes, ...]
    mac: bytes


@dataclass(frozen=True, slots=True)
class FromTunnel:
    """Out of a VXLAN datagram that this packed underlay address sent."""

    underlay: bytes


@dataclass(frozen=True, slots=True)
class FromHost:
    """In through the host endpoint: from the node itself or, through it, from outside."""


Ingress = FromPod | FromTunnel | FromHost


@dataclass(frozen=True, slots=True)
class Context:
    """`now_s` is monotonic. `random_below(n)` gives 0 <= x < n. `balancing` is what
    earlier connections to Services left behind."""

    ingress: Ingress
    now_s: float
    balancing: BalancingView
    random_below: Callable[[int], int]
