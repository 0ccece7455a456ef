"""From Services to what the node's kernel has to lead into the datapath."""

from collections.abc import Iterable

from netcore.model.host_plan import HostPlan
from netcore.model.service import Service


def host_plan(services: Iterable[Service]) -> HostPlan:
    """The plan that follows from all Services."""
    return HostPlan(
        frozenset(
            address
            for service in services
            for address in (*service.external_ips, *service.load_balancer_ips)
        )
    )
