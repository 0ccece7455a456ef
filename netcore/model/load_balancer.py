"""What the cloud's load balancers are asked for and have given: of Services (core/v1) and
Ingresses (networking.k8s.io/v1).
"""

from dataclasses import dataclass

from netcore.model.address import IpAddress


@dataclass(frozen=True, slots=True)
class LoadBalancer:
    """Of a Service that has one or shall have one.

    `type` is what an annotation asks for, empty for none; `class_name` is spec.loadBalancerClass,
    `requested_ip` spec.loadBalancerIP. `ingress_ips` are those of its status, whatever their
    ipMode.
    """

    type: str = ""
    class_name: str = ""
    requested_ip: IpAddress | None = None
    ingress_ips: tuple[IpAddress, ...] = ()


@dataclass(frozen=True, slots=True)
class IngressBackend:
    """A port of a Service in the Ingress's namespace, by its name or else by its number."""

    service_name: str
    port_name: str = ""
    port_number: int = 0


@dataclass(frozen=True, slots=True)
class IngressPath:
    """`host` empty: every host; with `*.` at its beginning one more label. `path_type` is Exact,
    Prefix or ImplementationSpecific.
    """

    host: str
    path: str
    path_type: str
    backend: IngressBackend


@dataclass(frozen=True, slots=True)
class Ingress:
    """`ingress_ips` are those of its status."""

    namespace: str
    name: str
    uid: str = ""
    class_name: str = ""
    paths: tuple[IngressPath, ...] = ()
    default_backend: IngressBackend | None = None
    ingress_ips: tuple[IpAddress, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        return (self.namespace, self.name)
