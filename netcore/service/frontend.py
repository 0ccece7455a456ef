"""From Services and EndpointSlices to what a packet is matched against.

A frontend is one (address, protocol, port) of a Service, as one node sees it; its backends are
the endpoints that may answer now. Source: Kubernetes pkg/proxy (serviceport.go, topology.go).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from netcore.model.address import IpAddress, IpNetwork, authority
from netcore.model.endpoint import EndpointSlice
from netcore.model.service import Service, ServicePort
from netcore.packet.protocols import PROTOCOL_NAMES, PROTOCOLS_WITH_PORTS
from netcore.service.topology import Place, Reachable, cluster_endpoints, local_endpoints

_NUMBERS = {PROTOCOL_NAMES[number]: number for number in PROTOCOLS_WITH_PORTS}

FrontendKey = tuple[bytes, int, int]
"""(packed address, protocol number, port). For node ports, ANY_NODE stands for the address."""

ANY_NODE = {4: b"4", 16: b"6"}
"""By the length of packed addresses: whatever address of that family the node has."""


class FrontendKind(Enum):
    """How a Service is reached; the value is what people call it."""

    CLUSTER_IP = "ClusterIP"
    EXTERNAL_IP = "externalIP"
    LOAD_BALANCER = "LoadBalancer IP"
    NODE_PORT = "NodePort"


@dataclass(frozen=True, slots=True)
class Backend:
    """Where a connection may be sent: a packed address and a port."""

    ip: bytes
    port: int
    node_name: str = ""
    target: tuple[str, str] | None = None

    @property
    def place(self) -> tuple[bytes, int]:
        """What tells it from others."""
        return self.ip, self.port


@dataclass(frozen=True, slots=True)
class Frontend:
    """One port of one address of a Service. Backends are in a stable order.

    `backends` are those of a policy of `Cluster`; `local_backends` those of `Local`, None where
    no policy of the Service asks for them.
    """

    key: FrontendKey
    kind: FrontendKind
    service: Service
    port: ServicePort
    backends: tuple[Backend, ...]
    local_backends: tuple[Backend, ...] | None = None

    @property
    def name(self) -> str:
        """`namespace/service:port`, as kube-proxy's comments name it."""
        port = f":{self.port.name}" if self.port.name else ""
        return f"{self.service.namespace}/{self.service.name}{port}"

    @property
    def shown(self) -> str:
        """Address and port, as people write them; a node port has no address of its own."""
        address, _, port = self.key
        return str(port) if self.kind is FrontendKind.NODE_PORT else authority(address, port)

    @property
    def is_external(self) -> bool:
        """Whether it is there for clients outside of the cluster."""
        return self.kind is not FrontendKind.CLUSTER_IP

    @property
    def is_local_only(self) -> bool:
        """Whether the policy that holds here is `Local` (for outside clients, if external)."""
        service = self.service
        if self.is_external:
            return service.external_traffic_policy == "Local"
        return service.internal_traffic_policy == "Local"

    def pool(self, *, from_inside: bool) -> tuple[Backend, ...]:
        """Who may answer. The external policy `Local` is none for pods and the node itself."""
        if self.local_backends is None or not self.is_local_only:
            return self.backends
        return self.backends if self.is_external and from_inside else self.local_backends

    @property
    def source_ranges(self) -> tuple[IpNetwork, ...]:
        """From where alone it may be used; empty: from everywhere.

        Each family has ranges of its own, as kube-proxy's two halves do.
        """
        if self.kind is not FrontendKind.LOAD_BALANCER:
            return ()
        ranges = self.service.load_balancer_source_ranges
        return tuple(each for each in ranges if each.max_prefixlen == 8 * len(self.key[0]))


def compile_frontends(
    service: Service, slices: Iterable[EndpointSlice], place: Place
) -> Iterator[Frontend]:
    """Every frontend of a Service, as seen from `place`. Ports of unknown protocols yield none."""
    slices = tuple(slices)
    for port in service.ports:
        number = _NUMBERS.get(port.protocol)
        if number is None:
            continue
        for version in {address.version: None for address in service.cluster_ips}:
            candidates = list(endpoints_at(f"IPv{version}", port, slices))
            backends = _backends(cluster_endpoints(candidates, place))
            local = _backends(local_endpoints(candidates, place)) if _wants_local(service) else None
            for kind, address, at in _faces(service, port, version):
                yield Frontend((address, number, at), kind, service, port, backends, local)


def endpoints_at(
    address_type: str, port: ServicePort, slices: Iterable[EndpointSlice]
) -> Iterator[Reachable]:
    """All endpoints of a Service's port in slices of that address type, ready or not."""
    for endpoint_slice in slices:
        if endpoint_slice.address_type != address_type:
            continue
        for number in (
            slice_port.port
            for slice_port in endpoint_slice.ports
            if slice_port.name == port.name and slice_port.protocol == port.protocol
        ):
            for endpoint in endpoint_slice.endpoints:
                if endpoint.addresses:
                    yield endpoint, number


def serving_places(
    frontend: Frontend, slices: Iterable[EndpointSlice]
) -> frozenset[tuple[bytes, int]]:
    """All endpoints that may still be talked to, chosen for new connections or not."""
    address_type = "IPv4" if len(frontend.key[0]) == 4 or frontend.key[0] == b"4" else "IPv6"
    return frozenset(
        (endpoint.addresses[0].packed, number)
        for endpoint, number in endpoints_at(address_type, frontend.port, slices)
        if endpoint.ready or endpoint.serving
    )


def _wants_local(service: Service) -> bool:
    policies = service.internal_traffic_policy, service.external_traffic_policy
    return "Local" in policies


def _faces(
    service: Service, port: ServicePort, version: int
) -> Iterator[tuple[FrontendKind, bytes, int]]:
    """Everything that a port of the Service is reached by."""
    for kind, addresses in (
        (FrontendKind.CLUSTER_IP, service.cluster_ips),
        (FrontendKind.EXTERNAL_IP, service.external_ips),
        (FrontendKind.LOAD_BALANCER, service.load_balancer_ips),
    ):
        for address in _of_version(addresses, version):
            yield kind, address.packed, port.port
    if port.node_port:
        yield FrontendKind.NODE_PORT, ANY_NODE[4 if version == 4 else 16], port.node_port


def _of_version(addresses: Iterable[IpAddress], version: int) -> Iterator[IpAddress]:
    return (address for address in addresses if address.version == version)


def _backends(usable: Iterable[Reachable]) -> tuple[Backend, ...]:
    # The same address may stand in two slices while one replaces the other (KEP-752).
    distinct = {
        (endpoint.addresses[0].packed, number): Backend(
            endpoint.addresses[0].packed, number, endpoint.node_name, endpoint.target
        )
        for endpoint, number in usable
    }
    return tuple(distinct[key] for key in sorted(distinct))
