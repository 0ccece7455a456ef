"""What a cluster shall be, and the addresses that follow from it. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from ipaddress import IPv4Address, IPv4Network, ip_address
from typing import Any

from netcore.model.config import DEFAULT_PROXY_MODE
from netcore.model.errors import ConfigError

UNDERLAY = IPv4Network("172.18.0.0/16")
CONTROL_PLANE_ADDRESS = IPv4Address("172.18.0.2")
DNS_ADDRESS = IPv4Address("172.18.0.3")
FIRST_NODE_ADDRESS = IPv4Address("172.18.0.11")
UNDERLAY_MTU = 1500

RPC_PORT = 7443
AGENT_PORT = 7444
API_PORT = 6443

MAX_NODES = 100

CONTROL_PLANE_LABEL = "node-role.kubernetes.io/control-plane"
_NODE_CIDR_MASK = 24


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """One node: its name, its own labels and taints ("key=value:Effect")."""

    name: str
    labels: tuple[tuple[str, str], ...] = ()
    taints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ClusterSpec:
    """A cluster to run. `api_port` 0: any free port."""

    name: str
    nodes: tuple[NodeSpec, ...]
    pod_cidr: str = "10.244.0.0/16"
    service_cidr: str = "10.96.0.0/16"
    proxy_mode: str = DEFAULT_PROXY_MODE
    ipvs_scheduler: str = "rr"
    lb_algorithm: str = "random"
    api_address: str = "127.0.0.1"
    api_port: int = 0

    def node_address(self, index: int) -> IPv4Address:
        """The underlay address of the node with this index."""
        return FIRST_NODE_ADDRESS + index

    @property
    def node_cidr_mask(self) -> int:
        """The prefix length of a node's share of `pod_cidr`."""
        return max(_NODE_CIDR_MASK, min(IPv4Network(self.pod_cidr).prefixlen + 4, 28))

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> ClusterSpec:
        """The spec that `to_json` wrote, also after a passage through JSON text."""
        nodes = tuple(
            NodeSpec(n["name"], tuple((k, v) for k, v in n["labels"]), tuple(n["taints"]))
            for n in data["nodes"]
        )
        return cls(**{**data, "nodes": nodes})


def workers(cluster: str, count: int) -> tuple[NodeSpec, ...]:
    """`count` worker nodes named as kind names them. Raises ConfigError for a bad count."""
    if not 1 <= count <= MAX_NODES:
        raise ConfigError(f"{count} nodes: a cluster has 1 to {MAX_NODES} nodes")
    return tuple(NodeSpec(node_name(cluster, "worker", number)) for number in range(count))


def node_name(cluster: str, role: str, number: int) -> str:
    """`<cluster>-worker`, `<cluster>-worker2`, ...: the first node of a role has no number."""
    return f"{cluster}-{role}{number + 1 if number else ''}"


def check(spec: ClusterSpec) -> None:
    """Raises ConfigError when the networks cannot live together or are too small."""
    networks = {
        "the underlay": UNDERLAY,
        "podSubnet": _network("podSubnet", spec.pod_cidr),
        "serviceSubnet": _network("serviceSubnet", spec.service_cidr),
    }
    names = list(networks)
    for index, name in enumerate(names):
        for other in names[index + 1 :]:
            if networks[name].overlaps(networks[other]):
                raise ConfigError(
                    f"{other} {networks[other]} overlaps {name} {networks[name]}: "
                    "choose another range"
                )
    shares = 2 ** (spec.node_cidr_mask - networks["podSubnet"].prefixlen)
    if spec.node_cidr_mask <= networks["podSubnet"].prefixlen or shares < len(spec.nodes):
        raise ConfigError(
            f"podSubnet {spec.pod_cidr} has not a /{spec.node_cidr_mask} for each of "
            f"{len(spec.nodes)} nodes: choose a larger range"
        )
    try:
        ip_address(spec.api_address)
    except ValueError:
        raise ConfigError(f'apiServerAddress "{spec.api_address}" is not an IP address') from None
    if not 0 <= spec.api_port <= 65535:
        raise ConfigError(f"apiServerPort {spec.api_port} is not a port (0 to 65535)")


def _network(field: str, text: str) -> IPv4Network:
    try:
        return IPv4Network(text)
    except ValueError as error:
        raise ConfigError(f'{field} "{text}" is not an IPv4 range: {error}') from None
