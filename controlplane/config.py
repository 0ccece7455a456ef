"""What the flags of the control plane say about the cluster."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network

from netcore.model.config import DEFAULT_PROXY_MODE
from netcore.model.policy_settings import PolicySettings
from netcore.policy.presets import DEFAULT_CNI

IPNetwork = IPv4Network | IPv6Network

DEFAULT_POD_CIDRS: tuple[IPNetwork, ...] = (ip_network("10.244.0.0/16"),)
DEFAULT_SERVICE_CIDRS: tuple[IPNetwork, ...] = (ip_network("10.96.0.0/16"),)
_DNS_INDEX = 10


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """One cluster's settings; the same for as long as the process runs.

    A cluster of one IP family has one pod and one service CIDR, a dual-stack one has one of each
    family; the first is the primary family, in the same order for both.
    """

    cluster_name: str = "kubehop"
    advertise_address: str = "127.0.0.1"
    """The control plane's underlay address, behind the `kubernetes` Service."""
    api_port: int = 6443
    pod_cidrs: tuple[IPNetwork, ...] = DEFAULT_POD_CIDRS
    service_cidrs: tuple[IPNetwork, ...] = DEFAULT_SERVICE_CIDRS
    node_cidr_mask_size: int = 24
    """The prefix length of a node's IPv4 pod CIDR."""
    node_cidr_mask_size_ipv6: int = 64
    cluster_domain: str = "cluster.local"
    proxy_mode: str = DEFAULT_PROXY_MODE
    ipvs_scheduler: str = "rr"
    lb_algorithm: str = "random"
    cni: str = DEFAULT_CNI
    """The network plugin that `policy` is like."""
    policy: PolicySettings = field(default_factory=PolicySettings)
    underlay_mtu_bytes: int = 1500
    server_url: str = "https://127.0.0.1:6443"
    """What goes into the kubeconfig."""
    ca_certificate: str = ""
    """The cluster CA's certificate, PEM: what `kube-root-ca.crt` holds."""
    default_toleration_s: int = 30
    """How long pods stay bound to a node that does not answer (Kubernetes: 300)."""

    @property
    def cluster_dns(self) -> tuple[str, ...]:
        """The cluster IPs of kube-dns: the tenth address of each service CIDR."""
        return tuple(str(cidr[_DNS_INDEX]) for cidr in self.service_cidrs)

    @property
    def kubernetes_service_ip(self) -> str:
        """The ClusterIP of `kubernetes`: the first address of the primary service CIDR."""
        return str(self.service_cidrs[0][1])

    def mask_size(self, pod_cidr: IPNetwork) -> int:
        """The prefix length of a node's share of this pod CIDR."""
        is_ipv4 = pod_cidr.version == 4
        return self.node_cidr_mask_size if is_ipv4 else self.node_cidr_mask_size_ipv6
