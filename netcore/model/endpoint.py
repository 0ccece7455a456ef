"""EndpointSlices (discovery.k8s.io/v1): who stands behind a Service."""

from dataclasses import dataclass, field

from netcore.model.address import IpAddress


@dataclass(frozen=True, slots=True)
class EndpointPort:
    name: str
    protocol: str
    port: int


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One backend. Conditions are as in the API, with unset `ready` already read as true.

    `for_zones` and `for_nodes` are its hints: who shall prefer it.
    """

    addresses: tuple[IpAddress, ...]
    ready: bool = True
    serving: bool = True
    terminating: bool = False
    hostname: str = ""
    node_name: str = ""
    zone: str = ""
    target: tuple[str, str] | None = None  # (namespace, name) of the pod behind it
    for_zones: tuple[str, ...] = ()
    for_nodes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EndpointSlice:
    """`last_change_ns` is Unix time: when what it says came to be true; 0 is not known."""

    namespace: str
    name: str
    service_name: str
    address_type: str = "IPv4"
    ports: tuple[EndpointPort, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    last_change_ns: int = field(default=0, compare=False)

    @property
    def key(self) -> tuple[str, str]:
        return (self.namespace, self.name)

    @property
    def service_key(self) -> tuple[str, str]:
        return (self.namespace, self.service_name)
