"""A pod as the network sees it: a name, addresses, a node, labels."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from netcore.model.address import IpAddress
from netcore.model.host_port import HostPort


@dataclass(frozen=True, slots=True)
class NamedPort:
    """A container's port that has a name."""

    name: str
    protocol: str
    port: int


@dataclass(frozen=True, slots=True)
class Pod:
    """Only pods that have addresses and are not finished exist for the network."""

    namespace: str
    name: str
    uid: str
    node_name: str
    ips: tuple[IpAddress, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    host_network: bool = False
    hostname: str = ""
    subdomain: str = ""
    host_ports: tuple[HostPort, ...] = ()
    named_ports: tuple[NamedPort, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        return (self.namespace, self.name)
