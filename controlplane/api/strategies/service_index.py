"""What all Services hold of the cluster's pools, known without asking them all each time.

The index follows the store's own history, so it cannot drift from it: whatever a write or a
deletion did, and whoever made it, is taken in before the next allocation, and where the history
is too short it is made anew from a full listing.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Generic, TypeVar

from controlplane.api.strategies.service_addresses import taken_ips, taken_node_ports
from controlplane.store.errors import Expired

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from controlplane.api.strategies.tree import Object
    from controlplane.api.strategy import Reader
    from controlplane.store.base import Watch

_Item = TypeVar("_Item")
_Key = tuple[str, str]


class Pool(Generic[_Item]):
    """What is taken, seen by one Service: what it holds itself is free for it."""

    def __init__(self, counts: Mapping[_Item, int], own: Iterable[_Item]) -> None:
        self._counts = counts
        self._own = frozenset(own)
        self._added: set[_Item] = set()

    def __contains__(self, item: _Item) -> bool:
        if item in self._added:
            return True
        return self._counts.get(item, 0) > (item in self._own)

    def __len__(self) -> int:
        """At least as many as are taken."""
        return len(self._counts) + len(self._added)

    def add(self, item: _Item) -> None:
        """Takes one more, for this view only."""
        self._added.add(item)


class Taken:
    """The pools, as one Service sees them."""

    def __init__(self, ips: Pool[str], node_ports: Pool[int]) -> None:
        self.ips = ips
        self.node_ports = node_ports


class ServiceIndex:
    """Cluster IPs and node ports by how many Services hold them. Belongs to one store."""

    def __init__(self) -> None:
        self._holders: dict[_Key, tuple[set[str], set[int]]] = {}
        self._ips: Counter[str] = Counter()
        self._node_ports: Counter[int] = Counter()
        self._changes: Watch | None = None

    @property
    def ips(self) -> set[str]:
        """All cluster IPs that are taken, as of the last `catch_up`."""
        return set(self._ips)

    @property
    def node_ports(self) -> set[int]:
        """All node ports that are taken, as of the last `catch_up`."""
        return set(self._node_ports)

    def without(self, service: Object | None) -> Taken:
        """What is taken for this Service, given as it is stored; None for a new one."""
        own = [service] if service else []
        return Taken(Pool(self._ips, taken_ips(own)), Pool(self._node_ports, taken_node_ports(own)))

    async def catch_up(self, reader: Reader) -> None:
        """Takes in every write that was committed before this call."""
        if self._changes is not None:
            try:
                for event in await self._changes.batch(timeout_s=0):
                    self._replace(event.value, present=event.type != "DELETED")
            except (Expired, StopAsyncIteration):
                self._changes.close()
            else:
                return
        await self._rebuild(reader)

    async def _rebuild(self, reader: Reader) -> None:
        services, revision = await reader.list("services")
        self._holders.clear()
        self._ips.clear()
        self._node_ports.clear()
        for service in services:
            self._replace(service, present=True)
        self._changes = reader.changes("services", int(revision))

    def _replace(self, service: Object, *, present: bool) -> None:
        key = (service["metadata"].get("namespace", ""), service["metadata"]["name"])
        old_ips, old_ports = self._holders.pop(key, (set(), set()))
        _drop(self._ips, old_ips)
        _drop(self._node_ports, old_ports)
        if present:
            held = taken_ips([service]), taken_node_ports([service])
            self._ips.update(held[0])
            self._node_ports.update(held[1])
            self._holders[key] = held


def _drop(counts: Counter[_Item], items: Iterable[_Item]) -> None:
    for item in items:
        counts[item] -= 1
        if not counts[item]:
            del counts[item]
