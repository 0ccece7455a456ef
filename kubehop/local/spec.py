"""What a cluster shall be, and the addresses that follow from it. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from itertools import combinations
from typing import TYPE_CHECKING, Any

from netcore.model.address import parse_network
from netcore.model.config import DEFAULT_PROXY_MODE
from netcore.model.errors import ConfigError
from netcore.policy.presets import DEFAULT_CNI

if TYPE_CHECKING:
    from netcore.model.address import IpAddress, IpNetwork

UNDERLAY = IPv4Network("172.18.0.0/16")
HOST_ADDRESS = IPv4Address("172.18.0.1")
"""Who is outside of the cluster: with kind the machine, as the gateway of Docker's network."""

CONTROL_PLANE_ADDRESS = IPv4Address("172.18.0.2")
DNS_ADDRESS = IPv4Address("172.18.0.3")
CLOUD_ADDRESS = IPv4Address("172.18.0.4")
CLOUD_POOL = (IPv4Address("172.18.255.200"), IPv4Address("172.18.255.250"))
"""The first and the last external address that the cloud's load balancers give away."""

FIRST_NODE_ADDRESS = IPv4Address("172.18.0.11")
IPV6_UNDERLAY = IPv6Network("fc00:f853:ccd:e793::/64")  # as kind's network
UNDERLAY_MTU = 1500

RPC_PORT = 7443
AGENT_PORT = 7444
API_PORT = 6443

MAX_NODES = 100

DEFAULT_SUBNETS = {
    "ipv4": ("10.244.0.0/16", "10.96.0.0/16"),
    "ipv6": ("fd00:10:244::/56", "fd00:10:96::/112"),
    "dual": ("10.244.0.0/16,fd00:10:244::/56", "10.96.0.0/16,fd00:10:96::/112"),
}
"""kind's podSubnet and serviceSubnet for each of its IP families."""

CONTROL_PLANE_LABEL = "node-role.kubernetes.io/control-plane"
_NODE_CIDR_MASK = {4: 24, 6: 64}
_NODE_BITS = {4: 4, 6: 8}
_SMALLEST_NODE_CIDR = {4: 28, 6: 120}


def ipv6_twin(address: IPv4Address) -> IPv6Address:
    """The IPv6 address of whoever has this one on the underlay: it has the same host part."""
    return IPV6_UNDERLAY[int(address) - int(UNDERLAY.network_address)]


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """One node: its name, its own labels and taints ("key=value:Effect")."""

    name: str
    labels: tuple[tuple[str, str], ...] = ()
    taints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ClusterSpec:
    """A cluster to run. `api_port` 0: any free port.

    `pod_cidr` and `service_cidr` are one CIDR, or one of each IP family with a comma between
    them, which makes the cluster dual-stack; the first is the primary family. `policy` are choices
    KEY=VALUE over those of the `cni`.
    """

    name: str
    nodes: tuple[NodeSpec, ...]
    pod_cidr: str = "10.244.0.0/16"
    service_cidr: str = "10.96.0.0/16"
    proxy_mode: str = DEFAULT_PROXY_MODE
    ipvs_scheduler: str = "rr"
    lb_algorithm: str = "random"
    cni: str = DEFAULT_CNI
    policy: tuple[str, ...] = ()
    api_address: str = "127.0.0.1"
    api_port: int = 0

    @property
    def pod_networks(self) -> tuple[IpNetwork, ...]:
        """Raises ConfigError when `pod_cidr` is none."""
        return _networks("podSubnet", self.pod_cidr)

    @property
    def service_networks(self) -> tuple[IpNetwork, ...]:
        """Raises ConfigError when `service_cidr` is none."""
        return _networks("serviceSubnet", self.service_cidr)

    @property
    def versions(self) -> tuple[int, ...]:
        """The IP versions of the cluster, the primary family first."""
        return tuple(network.version for network in self.pod_networks)

    def node_address(self, index: int) -> IPv4Address:
        """The IPv4 address on the underlay of the node with this index."""
        return FIRST_NODE_ADDRESS + index

    def addresses(self, address: IPv4Address) -> tuple[IpAddress, ...]:
        """This address on the underlay in the families of the cluster, the primary one first."""
        by_version: dict[int, IpAddress] = {4: address, 6: ipv6_twin(address)}
        return tuple(by_version[version] for version in self.versions)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> ClusterSpec:
        """The spec that `to_json` wrote, also after a passage through JSON text."""
        nodes = tuple(
            NodeSpec(n["name"], tuple((k, v) for k, v in n["labels"]), tuple(n["taints"]))
            for n in data["nodes"]
        )
        return cls(**{**data, "nodes": nodes, "policy": tuple(data["policy"])})


def is_of_family(subnet: str, family: str) -> bool:
    """Whether the ranges are what kind's `ipFamily` asks for; so are texts that are none."""
    try:
        versions = sorted(network.version for network in _networks("subnet", subnet))
    except ConfigError:
        return True
    return versions == {"ipv4": [4], "ipv6": [6], "dual": [4, 6]}[family]


def workers(cluster: str, count: int) -> tuple[NodeSpec, ...]:
    """`count` worker nodes named as kind names them. Raises ConfigError for a bad count."""
    if not 1 <= count <= MAX_NODES:
        raise ConfigError(f"{count} nodes: a cluster has 1 to {MAX_NODES} nodes")
    return tuple(NodeSpec(node_name(cluster, "worker", number)) for number in range(count))


def node_name(cluster: str, role: str, number: int) -> str:
    """`<cluster>-worker`, `<cluster>-worker2`, ...: the first node of a role has no number."""
    return f"{cluster}-{role}{number + 1 if number else ''}"


def node_cidr_mask(pods: IpNetwork) -> int:
    """The prefix length of a node's share of a pod CIDR."""
    version = pods.version
    share = min(pods.prefixlen + _NODE_BITS[version], _SMALLEST_NODE_CIDR[version])
    return max(_NODE_CIDR_MASK[version], share)


def check(spec: ClusterSpec) -> None:
    """Raises ConfigError when the networks cannot live together or are too small."""
    pods, services = spec.pod_networks, spec.service_networks
    if spec.versions != tuple(network.version for network in services):
        raise ConfigError(
            f"podSubnet {spec.pod_cidr} and serviceSubnet {spec.service_cidr} must have the same "
            "IP families in the same order"
        )
    networks = [
        *(("the underlay", underlay) for underlay in (UNDERLAY, IPV6_UNDERLAY)),
        *(("podSubnet", network) for network in pods),
        *(("serviceSubnet", network) for network in services),
    ]
    for (name, network), (other, its) in combinations(networks, 2):
        if network.overlaps(its):
            raise ConfigError(f"{other} {its} overlaps {name} {network}: choose another range")
    for network in pods:
        _check_shares(network, len(spec.nodes))
    _check_api(spec)


def _check_shares(pods: IpNetwork, nodes: int) -> None:
    mask = node_cidr_mask(pods)
    if mask <= pods.prefixlen or 2 ** (mask - pods.prefixlen) < nodes:
        raise ConfigError(
            f"podSubnet {pods} has not a /{mask} for each of {nodes} nodes: choose a larger range"
        )


def _check_api(spec: ClusterSpec) -> None:
    try:
        ip_address(spec.api_address)
    except ValueError:
        raise ConfigError(f'apiServerAddress "{spec.api_address}" is not an IP address') from None
    if not 0 <= spec.api_port <= 65535:
        raise ConfigError(f"apiServerPort {spec.api_port} is not a port (0 to 65535)")


def _networks(field: str, text: str) -> tuple[IpNetwork, ...]:
    try:
        found = tuple(map(parse_network, text.split(",")))
    except ConfigError as error:
        raise ConfigError(f'{field} "{text}": {error}') from None
    if len(found) > 2 or len({network.version for network in found}) < len(found):
        raise ConfigError(
            f'{field} "{text}": write one range, or one IPv4 and one IPv6 range for dual stack'
        )
    return found
