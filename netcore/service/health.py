"""What a node says of a Service to load balancers that ask at its healthCheckNodePort."""

from collections.abc import Iterable, Iterator

from netcore.model.endpoint import Endpoint, EndpointSlice
from netcore.model.service import Service


def local_ready_endpoints(service: Service, slices: Iterable[EndpointSlice], node_name: str) -> int:
    """How many endpoints of this node are ready, each address of the primary family counted once.

    Those that serve while they terminate do not count, so that a load balancer looks for other
    nodes in time (KEP-1669). Source: Kubernetes pkg/proxy/endpoints.go, LocalReadyEndpoints.
    """
    primary = f"IPv{service.cluster_ips[0].version}" if service.cluster_ips else "IPv4"
    mine = (each for each in slices if each.address_type == primary)
    return len({endpoint.addresses for endpoint in _ready(mine, node_name)})


def health_check_ports(services: Iterable[Service]) -> dict[int, tuple[str, str]]:
    """The TCP ports at which nodes answer, and for which Service."""
    return {
        service.health_check_node_port: service.key
        for service in services
        if service.health_check_node_port
    }


def _ready(slices: Iterable[EndpointSlice], node_name: str) -> Iterator[Endpoint]:
    for each in slices:
        yield from (e for e in each.endpoints if e.ready and e.node_name == node_name)
