"""A node as the network sees it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from netcore.model.address import IpAddress, IpNetwork

ZONE_LABEL = "topology.kubernetes.io/zone"
PROXY_MODE_LABEL = "kubehop.dev/proxy-mode"
"""A node with it has a proxy mode of its own."""


@dataclass(frozen=True, slots=True)
class Node:
    """`vtep_mac` is 6 bytes, or empty while the node has not said it."""

    name: str
    underlay_addresses: tuple[IpAddress, ...] = ()
    pod_cidrs: tuple[IpNetwork, ...] = ()
    vtep_mac: bytes = b""
    ready: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return self.name
