"""Longest-prefix match over packed addresses."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from netcore.model.address import IpNetwork

Target = TypeVar("Target")


@dataclass(frozen=True, slots=True)
class Route(Generic[Target]):
    network: IpNetwork
    target: Target


class RouteTable(Generic[Target]):
    """An immutable table. A look-up tries each prefix length in use, longest first.

    A cluster has a handful of prefix lengths (node CIDRs, cluster CIDR), so this is a few
    dictionary look-ups however many nodes there are.
    """

    __slots__ = ("_lengths", "_routes", "_tables")

    def __init__(self, routes: Iterable[Route[Target]]) -> None:
        self._routes = tuple(routes)
        self._tables: dict[tuple[int, int], dict[int, Route[Target]]] = {}
        for route in self._routes:
            width = route.network.max_prefixlen
            shift = width - route.network.prefixlen
            key = int(route.network.network_address) >> shift
            self._tables.setdefault((width, shift), {})[key] = route
        self._lengths: dict[int, tuple[tuple[int, dict[int, Route[Target]]], ...]] = {
            width // 8: tuple(
                (shift, self._tables[width, shift])
                for table_width, shift in sorted(self._tables)
                if table_width == width
            )
            for width in (32, 128)
        }

    def lookup(self, address: bytes) -> Route[Target] | None:
        """The most specific route for 4 or 16 packed bytes, or None."""
        number = int.from_bytes(address)
        for shift, table in self._lengths[len(address)]:
            route = table.get(number >> shift)
            if route is not None:
                return route
        return None

    def __iter__(self) -> Iterator[Route[Target]]:
        return iter(self._routes)
