"""Services and their ports (core/v1 Service, the part that the network acts on)."""

from dataclasses import dataclass

from netcore.model.address import IpAddress, IpNetwork
from netcore.model.load_balancer import LoadBalancer


@dataclass(frozen=True, slots=True)
class ServicePort:
    """`protocol` is TCP, UDP or SCTP; `node_port` 0 means none."""

    name: str
    protocol: str
    port: int
    node_port: int = 0


@dataclass(frozen=True, slots=True)
class Service:
    """`cluster_ips` is empty for headless and ExternalName services.

    `load_balancer_ips` are those that nodes answer for themselves (ingress of ipMode VIP); with
    `load_balancer_source_ranges` only from there, when there are any. `traffic_distribution` is
    empty or the API's PreferSameZone, PreferClose or PreferSameNode. `load_balancer` is for the
    cloud alone: nodes do not ask it.
    """

    namespace: str
    name: str
    uid: str = ""
    type: str = "ClusterIP"
    cluster_ips: tuple[IpAddress, ...] = ()
    headless: bool = False
    external_name: str = ""
    ports: tuple[ServicePort, ...] = ()
    session_affinity: str = "None"
    session_affinity_timeout_s: int = 10800
    internal_traffic_policy: str = "Cluster"
    external_traffic_policy: str = "Cluster"
    publish_not_ready_addresses: bool = False
    external_ips: tuple[IpAddress, ...] = ()
    load_balancer_ips: tuple[IpAddress, ...] = ()
    load_balancer_source_ranges: tuple[IpNetwork, ...] = ()
    health_check_node_port: int = 0
    traffic_distribution: str = ""
    load_balancer: LoadBalancer | None = None

    @property
    def key(self) -> tuple[str, str]:
        return (self.namespace, self.name)
