"""What the flags of the control plane say about the cluster."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network

from netcore.model.config import DEFAULT_PROXY_MODE

IPNetwork = IPv4Network | IPv6Network

_POD_CIDR = ip_network("10.244.0.0/16")
_SERVICE_CIDR = ip_network("10.96.0.0/16")


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """One cluster's settings; the same for as long as the process runs."""

    cluster_name: str = "kubehop"
    advertise_address: str = "127.0.0.1"
    """The control plane's underlay address, behind the `kubernetes` Service."""
    api_port: int = 6443
    pod_cidr: IPNetwork = _POD_CIDR
    service_cidr: IPNetwork = _SERVICE_CIDR
    node_cidr_mask_size: int = 24
    cluster_domain: str = "cluster.local"
    proxy_mode: str = DEFAULT_PROXY_MODE
    ipvs_scheduler: str = "rr"
    lb_algorithm: str = "random"
    underlay_mtu_bytes: int = 1500
    server_url: str = "https://127.0.0.1:6443"
    """What goes into the kubeconfig."""
    ca_certificate: str = ""
    """The cluster CA's certificate, PEM: what `kube-root-ca.crt` holds."""
    default_toleration_s: int = 30
    """How long pods stay bound to a node that does not answer (Kubernetes: 300)."""

    @property
    def cluster_dns(self) -> str:
        """The ClusterIP of kube-dns: the tenth address of the service CIDR."""
        return str(self.service_cidr[10])

    @property
    def kubernetes_service_ip(self) -> str:
        """The ClusterIP of `kubernetes`: the first address of the service CIDR."""
        return str(self.service_cidr[1])
