"""From the cluster's state to what the balancers do. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from cloudlb.application.routing import Router, ServiceRef
from cloudlb.application.targets import Target, TargetGroup
from cloudlb.assignment import Assignment
from cloudlb.claims import INGRESSES, Claim, Kind, is_served_ingress
from cloudlb.health import PROXY_HEALTHZ_PORT, Check
from cloudlb.network.balancer import FrontendKey, NetworkFrontend
from netcore.model.address import IpAddress
from netcore.model.load_balancer import Ingress, IngressBackend
from netcore.model.node import Node
from netcore.model.service import Service, ServicePort
from netcore.packet.protocols import PROTOCOL_NAMES, PROTOCOLS_WITH_PORTS

Choose = Callable[[str, str], TargetGroup | None]
Listen = tuple[IpAddress, int]
IsHealthy = Callable[[Check], bool]

EXCLUDED_LABEL = "node.kubernetes.io/exclude-from-external-load-balancers"
INGRESS_PORT = 80
_NUMBERS = {PROTOCOL_NAMES[number]: number for number in PROTOCOLS_WITH_PORTS}


@dataclass(frozen=True, slots=True)
class Plan:
    """`application` says for a listener who answers for a host and path. `gateways` are the
    nodes, healthy ones, through which cluster IPs are reached.
    """

    network: Mapping[FrontendKey, NetworkFrontend] = field(default_factory=dict)
    application: Mapping[Listen, Choose] = field(default_factory=dict)
    checks: frozenset[Check] = frozenset()
    gateways: tuple[IpAddress, ...] = ()

    @property
    def local_addresses(self) -> frozenset[IpAddress]:
        """Those at which programs listen; all others are only passed through."""
        return frozenset(address for address, _ in self.application)


class Planner:
    """One look at the cluster."""

    def __init__(
        self,
        nodes: Iterable[Node],
        services: Mapping[tuple[str, str], Service],
        ingresses: Iterable[Ingress],
        is_healthy: IsHealthy,
    ) -> None:
        ordered = sorted(nodes, key=lambda node: node.name)
        self._nodes = [node for node in ordered if EXCLUDED_LABEL not in node.labels]
        self._services = services
        self._ingresses = [each for each in ingresses if is_served_ingress(each)]
        self._is_healthy = is_healthy
        self._network: dict[FrontendKey, NetworkFrontend] = {}
        self._application: dict[Listen, Choose] = {}
        self._checks: set[Check] = set()

    def plan(self, claims: Iterable[Claim], assignment: Assignment) -> Plan:
        """What follows for those who have addresses."""
        for claim in claims:
            for address in assignment.addresses.get(claim.owner, ()):
                if claim.owner == INGRESSES:
                    self._application[address, INGRESS_PORT] = self._by_rules(address.version)
                    continue
                service = self._services[claim.owner.namespace, claim.owner.name]
                if claim.kind is Kind.NETWORK:
                    self._network.update(self._frontends(service, address))
                else:
                    self._application.update(self._listeners(service, address))
        return Plan(
            self._network, self._application, frozenset(self._checks), tuple(self._gateways())
        )

    def _frontends(
        self, service: Service, address: IpAddress
    ) -> Iterator[tuple[FrontendKey, NetworkFrontend]]:
        targets = tuple(ip.packed for ip in self._healthy(service, address.version))
        for port in service.ports:
            yield (
                (address.packed, _NUMBERS[port.protocol], port.port),
                NetworkFrontend(
                    targets,
                    service.load_balancer_source_ranges,
                    by_client=service.session_affinity == "ClientIP",
                ),
            )

    def _listeners(self, service: Service, address: IpAddress) -> Iterator[tuple[Listen, Choose]]:
        for port in service.ports:
            group = self._through_node_port(service, port, address.version)
            yield (address, port.port), _always(group)

    def _by_rules(self, version: int) -> Choose:
        router = Router(self._ingresses)
        groups: dict[ServiceRef, TargetGroup] = {}
        for ingress in self._ingresses:
            backends = [path.backend for path in ingress.paths]
            for backend in (*backends, ingress.default_backend):
                if backend is not None:
                    groups[ingress.namespace, backend] = self._group(
                        ingress.namespace, backend, version
                    )

        def choose(host: str, path: str) -> TargetGroup | None:
            found = router.find(host, path)
            return None if found is None else groups[found]

        return choose

    def _group(self, namespace: str, backend: IngressBackend, version: int) -> TargetGroup:
        """A Service without node ports is reached by its cluster IP, through a node."""
        service = self._services.get((namespace, backend.service_name))
        port = None if service is None else _port(service, backend)
        name = f"Service {namespace}/{backend.service_name}"
        if service is None:
            return TargetGroup((), why_empty=f"{name} not found")
        if port is None:
            wanted = backend.port_name or backend.port_number
            return TargetGroup((), why_empty=f"{name} has no TCP port {wanted}")
        if not service.cluster_ips:
            return TargetGroup((), why_empty=f"{name} has no cluster IP: it cannot be a backend")
        if port.node_port:
            return self._through_node_port(service, port, version)
        reachable = {gateway.version for gateway in self._gateways()}
        ips = [ip for ip in service.cluster_ips if ip.version in reachable]
        return TargetGroup(tuple(Target(ip, port.port) for ip in ips[:1]))

    def _through_node_port(self, service: Service, port: ServicePort, version: int) -> TargetGroup:
        healthy = self._healthy(service, version)
        targets = tuple(Target(ip, port.node_port) for ip in healthy)
        return TargetGroup(targets, service.load_balancer_source_ranges)

    def _healthy(self, service: Service, version: int) -> list[IpAddress]:
        is_local = service.external_traffic_policy == "Local"
        own_port = service.health_check_node_port if is_local else 0
        return list(self._answering(own_port or PROXY_HEALTHZ_PORT, version))

    def _gateways(self) -> Iterator[IpAddress]:
        for version in (4, 6):
            yield from self._answering(PROXY_HEALTHZ_PORT, version)

    def _answering(self, port: int, version: int) -> Iterator[IpAddress]:
        for node in self._nodes:
            for address in node.underlay_addresses:
                if address.version != version:
                    continue
                check = Check(address, port)
                self._checks.add(check)
                if self._is_healthy(check):
                    yield address


def _always(group: TargetGroup) -> Choose:
    return lambda host, path: group


def _port(service: Service, backend: IngressBackend) -> ServicePort | None:
    for port in service.ports:
        wanted = backend.port_name or backend.port_number
        if wanted == (port.name if backend.port_name else port.port) and port.protocol == "TCP":
            return port
    return None
