"""What a node's proxy looks like in the words of the tool that people look at it with."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from netcore.model.address import IpAddress, IpNetwork
from netcore.service.balancing import Load
from netcore.service.frontend import ANY_NODE, Frontend, FrontendKey


@dataclass(frozen=True, slots=True)
class Listing:
    """What `command` prints: `text`, which ends with a newline."""

    command: str
    text: str


@dataclass(frozen=True, slots=True)
class ProxyTables:
    """What a node proxies by. `load` counts the connections of a frontend's backend."""

    frontends: Mapping[FrontendKey, Frontend]
    node_addresses: tuple[IpAddress, ...]
    pod_cidrs: tuple[IpNetwork, ...]
    service_cidrs: tuple[IpNetwork, ...]
    load: Load

    @property
    def versions(self) -> tuple[int, ...]:
        """The families of the cluster, its first one first: 4, 6."""
        return tuple(dict.fromkeys(network.version for network in self.service_cidrs))

    def of_version(self, version: int) -> Iterator[Frontend]:
        """The frontends of one family, by Service and port."""
        wanted = (4, ANY_NODE[4]) if version == 4 else (16, ANY_NODE[16])
        found = (
            frontend
            for (address, _, _), frontend in self.frontends.items()
            if len(address) == wanted[0] or address == wanted[1]
        )
        return iter(sorted(found, key=lambda one: (one.service.key, one.port.name, one.key)))

    def pod_cidr(self, version: int) -> IpNetwork | None:
        """The range of all pods of one family."""
        return next((cidr for cidr in self.pod_cidrs if cidr.version == version), None)
