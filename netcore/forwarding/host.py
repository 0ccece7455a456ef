"""From Services and host ports to what the node's kernel has to lead into the datapath."""

from collections.abc import Iterable

from netcore.model.address import IpAddress, parse_address, text
from netcore.model.host_plan import HostPlan
from netcore.model.service import Service
from netcore.service.frontend import ANY_NODE, FrontendKey


def host_plan(services: Iterable[Service], host_ports: Iterable[FrontendKey]) -> HostPlan:
    """The plan that follows from all Services and from the host ports of this node's pods."""
    addresses = frozenset(
        address
        for service in services
        for address in (*service.external_ips, *service.load_balancer_ips)
    )
    ports = frozenset((_address(place), number, port) for place, number, port in host_ports)
    return HostPlan(addresses, ports)


def _address(place: bytes) -> IpAddress | None:
    return None if place in ANY_NODE.values() else parse_address(text(place))
