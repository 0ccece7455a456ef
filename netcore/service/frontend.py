"""From Services and EndpointSlices to what a packet is matched against.

A frontend is one (address, protocol, port) of a Service; its backends are the endpoints that
may answer now. The choice of endpoints follows pkg/proxy/topology.go of Kubernetes: ready
ones, and only when there is none, those that still serve while terminating (KEP-1669).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from netcore.model.address import IpAddress
from netcore.model.endpoint import Endpoint, EndpointSlice
from netcore.model.service import Service, ServicePort
from netcore.packet.protocols import PROTOCOL_NAMES, PROTOCOLS_WITH_PORTS

_NUMBERS = {PROTOCOL_NAMES[number]: number for number in PROTOCOLS_WITH_PORTS}

FrontendKey = tuple[bytes, int, int]
"""(packed address, protocol number, port)."""


@dataclass(frozen=True, slots=True)
class Backend:
    """Where a connection may be sent: a packed address and a port."""

    ip: bytes
    port: int
    node_name: str = ""
    target: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Frontend:
    """One port of one address of a Service. `backends` are in a stable order."""

    key: FrontendKey
    service: Service
    port: ServicePort
    backends: tuple[Backend, ...]

    @property
    def name(self) -> str:
        """`namespace/service:port`, as kube-proxy's comments name it."""
        port = f":{self.port.name}" if self.port.name else ""
        return f"{self.service.namespace}/{self.service.name}{port}"


def compile_frontends(service: Service, slices: Iterable[EndpointSlice]) -> Iterator[Frontend]:
    """Every frontend of a Service. Ports of unknown protocols yield none."""
    slices = tuple(slices)
    for address in service.cluster_ips:
        for port in service.ports:
            number = _NUMBERS.get(port.protocol)
            if number is None:
                continue
            key = (address.packed, number, port.port)
            yield Frontend(key, service, port, _backends(address, port, slices))


def _backends(
    address: IpAddress, port: ServicePort, slices: tuple[EndpointSlice, ...]
) -> tuple[Backend, ...]:
    candidates = list(_candidates(f"IPv{address.version}", port, slices))
    usable = [(e, p) for e, p in candidates if e.ready] or [
        (e, p) for e, p in candidates if e.serving and e.terminating
    ]
    # The same address may stand in two slices while one replaces the other (KEP-752).
    distinct = {
        (endpoint.addresses[0].packed, number): Backend(
            endpoint.addresses[0].packed, number, endpoint.node_name, endpoint.target
        )
        for endpoint, number in usable
    }
    return tuple(distinct[key] for key in sorted(distinct))


def _candidates(
    address_type: str, port: ServicePort, slices: tuple[EndpointSlice, ...]
) -> Iterator[tuple[Endpoint, int]]:
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
