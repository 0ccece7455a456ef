"""Who wants a load balancer of this cloud, of which kind. Pure.

Source: Kubernetes service controller (k8s.io/cloud-provider/controllers/service); KEP-1959 for
spec.loadBalancerClass.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from netcore.model.address import IpAddress
from netcore.model.load_balancer import Ingress, LoadBalancer
from netcore.model.service import Service

CLASS = "kubehop.dev/cloudlb"
"""The spec.loadBalancerClass of this cloud."""

INGRESS_CLASS = "kubehop"
TYPE_ANNOTATION = "kubehop.dev/load-balancer-type"


class Kind(Enum):
    """What a load balancer works on; the value is what the annotation says."""

    NETWORK = "network"
    APPLICATION = "application"


@dataclass(frozen=True, slots=True, order=True)
class Owner:
    """Whose load balancer it is: a Service, or all Ingresses of the class together."""

    kind: str
    namespace: str = ""
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.name else "the Ingresses"


INGRESSES = Owner("Ingress")


@dataclass(frozen=True, slots=True)
class Claim:
    """What an owner wants: addresses of these IP versions, if it can be those of before.

    `problem` says why it cannot be served at all.
    """

    owner: Owner
    kind: Kind
    versions: tuple[int, ...]
    requested: IpAddress | None = None
    present: tuple[IpAddress, ...] = ()
    problem: str = ""


def is_served(wanted: LoadBalancer) -> bool:
    """Whether a Service that wants this wants it of this cloud."""
    return wanted.class_name in ("", CLASS)


def claims(services: Iterable[Service], ingresses: Iterable[Ingress]) -> Iterator[Claim]:
    """Every claim on this cloud, the Ingresses' first, Services by name."""
    served = [each for each in ingresses if is_served_ingress(each)]
    if served:
        present = tuple({ip: None for each in served for ip in each.ingress_ips})
        yield Claim(INGRESSES, Kind.APPLICATION, (), present=present)
    for service in sorted(services, key=lambda each: each.key):
        wanted = service.load_balancer
        if service.type == "LoadBalancer" and wanted is not None and is_served(wanted):
            yield _claim(service, wanted)


def is_served_ingress(ingress: Ingress) -> bool:
    """Whether it is of this cloud's class, which is the default one."""
    return ingress.class_name in ("", INGRESS_CLASS)


def _claim(service: Service, wanted: LoadBalancer) -> Claim:
    kind, problem = Kind.NETWORK, ""
    try:
        kind = Kind(wanted.type or Kind.NETWORK.value)
    except ValueError:
        problem = f"annotation {TYPE_ANNOTATION}: {wanted.type!r} is not network or application"
    return Claim(
        owner=Owner("Service", *service.key),
        kind=kind,
        versions=tuple(ip.version for ip in service.cluster_ips),
        requested=wanted.requested_ip,
        present=wanted.ingress_ips,
        problem=problem or (_unfit(service) if kind is Kind.APPLICATION else ""),
    )


def _unfit(service: Service) -> str:
    """Why HTTP cannot be led to the Service; empty: it can."""
    for port in service.ports:
        if port.protocol != "TCP":
            return (
                f"an application load balancer speaks HTTP and has no use for port "
                f"{port.port}/{port.protocol}: annotate {TYPE_ANNOTATION}: network"
            )
        if not port.node_port:
            return (
                "an application load balancer goes through node ports: "
                "set spec.allocateLoadBalancerNodePorts: true"
            )
    return ""
