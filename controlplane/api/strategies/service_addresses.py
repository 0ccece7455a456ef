"""Which ClusterIP and which node port a Service gets: pure choice over what is taken.

What is taken is read off the Services that exist, so nothing can leak and what a deleted Service
held is free at once.
Sources: Kubernetes KEP-3070 (bands of the service CIDR), KEP-3668 (bands of node ports).
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from netcore.model.config import NODE_PORTS
from netcore.model.errors import AllocationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from random import Random

    from controlplane.config import IPNetwork
    from netcore.model.address import IpAddress

FIRST_NODE_PORT = NODE_PORTS.start
LAST_NODE_PORT = NODE_PORTS.stop - 1
_STATIC_NODE_PORTS = 86  # min(max(16, range / 32), 128)
_Item = TypeVar("_Item", contravariant=True)


class Occupied(Protocol[_Item]):
    """What is taken of a pool: a set, or something that answers like one."""

    def __contains__(self, item: _Item, /) -> bool:
        """Whether it is taken."""

    def __len__(self) -> int:
        """At least as many as are taken."""


def taken_ips(services: Iterable[dict[str, Any]]) -> set[str]:
    """The cluster IPs that Services hold, each as its address spells itself.

    As texts, because to parse an address takes longer than to look a text up.
    """
    texts = (text for s in services for text in (s.get("spec") or {}).get("clusterIPs") or ())
    return {_canonical(text) for text in texts if text and text != "None"}


def _canonical(text: str) -> str:
    """IPv6 has many spellings of one address; of IPv4 only one is valid."""
    return str(ip_address(text)) if ":" in text else text


def taken_node_ports(services: Iterable[dict[str, Any]]) -> set[int]:
    """The ports that Services hold on every node: one pool for all protocols, as Kubernetes has it
    (pkg/registry/core/service/portallocator).
    """
    taken = set()
    for service in services:
        spec = service.get("spec") or {}
        for port in spec.get("ports") or ():
            if port.get("nodePort"):
                taken.add(port["nodePort"])
        if spec.get("healthCheckNodePort"):
            taken.add(spec["healthCheckNodePort"])
    return taken


def static_band_size(cidr: IPNetwork) -> int:
    """How many low addresses are left for those who ask for one: min(max(16, size/16), 256)."""
    return min(max(16, cidr.num_addresses // 16), 256)


def choose_ip(cidr: IPNetwork, taken: Occupied[str], random: Random) -> IpAddress:
    """A free address, from the upper band while that has one.

    Raises AllocationError when the CIDR is full.
    """
    last = cidr.num_addresses - (2 if cidr.version == 4 else 1)
    band = min(static_band_size(cidr), last)
    for low, high in ((band, last), (1, band - 1)):
        index = _free_index(low, high, len(taken), lambda i: str(cidr[i]) in taken, random)
        if index is not None:
            return cidr[index]
    raise AllocationError("range is full")


def claim_ip(cidr: IPNetwork, taken: Occupied[str], text: str) -> IpAddress:
    """The address that was asked for. Raises AllocationError when it cannot be had."""
    try:
        address = ip_address(text)
    except ValueError as error:
        raise AllocationError("not a valid IP address") from error
    inside = address.version == cidr.version and address in cidr
    ends = (cidr[0], cidr.broadcast_address) if cidr.version == 4 else (cidr[0],)
    if not inside or address in ends:
        raise AllocationError(
            f"the provided IP ({text}) is not in the valid range. The range of valid IPs is {cidr}"
        )
    if str(address) in taken:
        raise AllocationError("provided IP is already allocated")
    return address


def choose_node_port(taken: Occupied[int], random: Random) -> int:
    """A free node port, from the upper band while that has one. Raises AllocationError."""
    middle = FIRST_NODE_PORT + _STATIC_NODE_PORTS
    for low, high in ((middle, LAST_NODE_PORT), (FIRST_NODE_PORT, middle - 1)):
        port = _free_index(low, high, len(taken), lambda at: at in taken, random)
        if port is not None:
            return port
    raise AllocationError("range is full")


def claim_node_port(taken: Occupied[int], port: int) -> int:
    """The node port that was asked for. Raises AllocationError when it cannot be had."""
    if not FIRST_NODE_PORT <= port <= LAST_NODE_PORT:
        raise AllocationError(
            "provided port is not in the valid range. The range of valid ports is "
            f"{FIRST_NODE_PORT}-{LAST_NODE_PORT}"
        )
    if port in taken:
        raise AllocationError("provided port is already allocated")
    return port


def _free_index(
    low: int, high: int, used: int, is_used: Callable[[int], bool], random: Random
) -> int | None:
    """A free number in [low, high]: a random start, then the next free one, wrapping around."""
    size = high - low + 1
    if size <= 0:
        return None
    start = random.randrange(size)
    for step in range(min(size, used + 1)):
        candidate = low + (start + step) % size
        if not is_used(candidate):
            return candidate
    return None
