"""What holds for a whole cluster and does not change while it lives."""

from dataclasses import dataclass, field

from netcore.model.address import IpAddress, IpNetwork
from netcore.model.policy_settings import PolicySettings

VXLAN_PORT = 4789  # RFC 7348 section 5; Linux defaults to 8472
VNI = 1  # as flannel
VXLAN_OVERHEAD_BYTES = 50  # outer IPv4 20 + UDP 8 + VXLAN 8 + inner Ethernet 14
VXLAN_OVERHEAD_IPV6_BYTES = 70  # outer IPv6 40
MASQUERADE_PORTS = range(61000, 65535)
"""Of a node's address, for what its pods send out of the cluster. Above Linux's
ip_local_port_range (32768 to 60999) and Kubernetes' node ports (30000 to 32767), so never a port
of the node itself; 65535 is no valid end of a port range in a routing rule (net/core/fib_rules.c).
"""
NODE_PORTS = range(30_000, 32_768)
"""Kubernetes' default of --service-node-port-range."""

DEFAULT_PROXY_MODE = "ipvs"


@dataclass(frozen=True, slots=True)
class ClusterConfig:
    """Cluster-wide network settings. `pod_mtu_bytes` follows from the underlay's MTU and family."""

    cluster_name: str
    pod_cidrs: tuple[IpNetwork, ...]
    service_cidrs: tuple[IpNetwork, ...]
    dns_addresses: tuple[IpAddress, ...]
    cluster_domain: str = "cluster.local"
    underlay_mtu_bytes: int = 1500
    vni: int = VNI
    vxlan_port: int = VXLAN_PORT
    proxy_mode: str = DEFAULT_PROXY_MODE
    ipvs_scheduler: str = "rr"
    lb_algorithm: str = "random"
    has_ipv6_underlay: bool = False
    policy: PolicySettings = field(default_factory=PolicySettings)

    @property
    def pod_mtu_bytes(self) -> int:
        """The largest IP packet a pod may send: the underlay's MTU less the VXLAN overhead."""
        overhead = VXLAN_OVERHEAD_IPV6_BYTES if self.has_ipv6_underlay else VXLAN_OVERHEAD_BYTES
        return self.underlay_mtu_bytes - overhead
