"""FROM and TO, looked up among the pods, Services and nodes of a cluster."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING

from netcore.model.address import text as address_text
from netcore.model.errors import ConfigError
from netcore.packet.protocols import PROTOCOL_ICMP, PROTOCOL_NAMES
from netcore.service.frontend import FrontendKind, endpoints_at
from netcore.service.topology import cluster_endpoints

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubehop import ends
    from kubehop.policy.world import World
    from netcore.model.pod import Pod
    from netcore.model.service import Service, ServicePort

_NUMBERS = {name: number for number, name in PROTOCOL_NAMES.items()}


@dataclass(frozen=True, slots=True)
class Place:
    """One end: its name for people, packed addresses, and the pod that has them, if it is one's."""

    name: str
    ips: tuple[bytes, ...]
    pod: Pod | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """Where a connection goes. `port` None: no port is asked for, it is ICMP (of either family).

    `service_port`: the port that was asked of a Service, 0 without one; `asked`: the packed cluster
    IP of the endpoint's family, b"" without one.
    """

    place: Place
    protocol: int
    port: int | None
    service_port: int = 0
    asked: bytes = b""


def place_of(pod: Pod) -> Place:
    """A pod as an end. One in its node's network is only an address to policies."""
    name, ips = f"{pod.namespace}/{pod.name}", tuple(ip.packed for ip in pod.ips)
    return Place(f"{name} (hostNetwork)", ips) if pod.host_network else Place(name, ips, pod)


def find_source(world: World, place: ends.Place) -> Place:
    """FROM. Raises ConfigError naming what cannot be found or not be predicted."""
    if place.kind == "outside":
        raise ConfigError(
            "outside: by which node a client outside comes in decides what policies see; "
            "name its address"
        )
    return _place(world, place)


def find_targets(world: World, target: ends.Target, source: Place) -> list[Target]:
    """TO: one, or all endpoints of a Service. Raises ConfigError naming what cannot be found."""
    place = target.place
    key = place.namespace, place.name
    if place.kind == "service":
        return list(_behind(world, _service(world, *key), target, source))
    if place.kind == "dns" or (place.kind == "name" and key not in world.snapshot.pods):
        service = _by_dns_name(world, place)
        if service is not None:
            return list(_behind(world, service, target, source))
    if place.kind == "address":
        service = _by_address(world, place.name, target)
        if service is not None:
            return list(_behind(world, service, target, source))
    if target.port:
        number = _NUMBERS[target.protocol or "TCP"]
        return [Target(_place(world, place), number, int(target.port))]
    return [Target(_place(world, place), PROTOCOL_ICMP, None)]


def _place(world: World, place: ends.Place) -> Place:
    match place.kind:
        case "address":
            return _address(world, ip_address(place.name).packed)
        case "node":
            node = world.snapshot.nodes.get(place.name)
            if node is None:
                raise ConfigError(f'there is no node "{place.name}"')
            return Place(f"node {node.name}", tuple(a.packed for a in node.underlay_addresses))
    pod = world.snapshot.pods.get((place.namespace, place.name))
    if pod is None:
        where = f'namespace "{place.namespace}"'
        raise ConfigError(f'there is no running pod "{place.name}" in {where}')
    return place_of(pod)


def _address(world: World, ip: bytes) -> Place:
    pod = world.snapshot.pods_by_ip.get(ip)
    name = address_text(ip) if pod is None else f"{pod.namespace}/{pod.name}"
    return Place(name, (ip,), pod)


def _service(world: World, namespace: str, name: str) -> Service:
    service = world.snapshot.services.get((namespace, name))
    if service is None:
        raise ConfigError(f'there is no Service "{name}" in namespace "{namespace}"')
    return service


def _by_dns_name(world: World, place: ends.Place) -> Service | None:
    """NAME, NAME.NAMESPACE and on, as the cluster's DNS has them."""
    name, *rest = place.name.rstrip(".").split(".")
    return world.snapshot.services.get((rest[0] if rest else place.namespace, name))


def _by_address(world: World, address: str, target: ends.Target) -> Service | None:
    """The Service whose cluster IP it is. Raises ConfigError for its addresses of other kinds."""
    ip = ip_address(address).packed
    key = world.snapshot.service_addresses.get(ip)
    if key is not None:
        return world.snapshot.services[key]
    number = _NUMBERS.get(target.protocol or "TCP", 0)
    frontend = world.snapshot.frontends.get((ip, number, int(target.port or 0)))
    if frontend is None or frontend.kind is FrontendKind.CLUSTER_IP:
        return None
    raise ConfigError(
        f"{address} is the {frontend.kind.value} of Service {frontend.service.namespace}/"
        f"{frontend.service.name}: the node that takes it in decides what policies see; "
        f"name svc/{frontend.service.name}"
    )


def _behind(world: World, service: Service, target: ends.Target, source: Place) -> Iterator[Target]:
    name = f"{service.namespace}/{service.name}"
    if target.protocol == "ICMP" or not service.ports:
        raise ConfigError(f"name a port of Service {name}, as in svc/{service.name}:80")
    port = _service_port(service, target)
    slices = list(world.snapshot.slices_of((service.namespace, service.name)))
    viewpoint = world.seen_from(source.pod.node_name if source.pod else "").place
    families = {len(ip) for ip in source.ips}
    found: dict[tuple[bytes, int], Target] = {}
    for family, width in (("IPv4", 4), ("IPv6", 16)):
        if width not in families:
            continue
        asked = next(
            (each.packed for each in service.cluster_ips if each.max_prefixlen == width * 8), b""
        )
        for endpoint, number in cluster_endpoints(
            list(endpoints_at(family, port, slices)), viewpoint
        ):
            ip = endpoint.addresses[0].packed
            place, number_of = _address(world, ip), _NUMBERS[port.protocol]
            found[ip, number] = Target(place, number_of, number, port.port, asked)
    if not found:
        raise ConfigError(f"Service {name} has no endpoints for port {port.port}")
    yield from found.values()


def _service_port(service: Service, target: ends.Target) -> ServicePort:
    """By number or by name; without one the first."""
    for port in service.ports:
        fits = target.protocol in ("", port.protocol)
        if fits and target.port in ("", str(port.port), port.name):
            return port
    there = ", ".join(f"{each.port}/{each.protocol}" for each in service.ports)
    wanted = f"{target.port}/{target.protocol or 'TCP'}"
    raise ConfigError(f"Service {service.name} has no port {wanted}: there is {there or 'none'}")
