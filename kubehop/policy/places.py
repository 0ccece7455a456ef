"""FROM and TO as users write them: `pod/web`, `shop/web:8080/udp`, `svc/web:80`, an address."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from netcore.model.errors import ConfigError
from netcore.packet.protocols import PROTOCOL_ICMP, PROTOCOL_ICMPV6, PROTOCOL_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubehop.policy.world import World
    from netcore.model.pod import Pod

Object = dict[str, Any]
_NUMBERS = {name: number for number, name in PROTOCOL_NAMES.items()}
_WITH_PORTS = ("TCP", "UDP", "SCTP")
_PORT = re.compile(r":(\d{1,5})(?:/([A-Za-z]+))?$")
_POD_KINDS = ("pod", "pods", "po")
_SERVICE_KINDS = ("svc", "service", "services")
_SERVICE_NAME = "kubernetes.io/service-name"


@dataclass(frozen=True, slots=True)
class Place:
    """One end: its name for people, a packed address, and the pod that has it, if it is one's."""

    name: str
    ip: bytes
    pod: Pod | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """Where a connection goes. `port` None: no port is asked for, it is ICMP.

    `service_port`: the port that was asked of a Service, 0 without one.
    """

    place: Place
    protocol: int
    port: int | None
    service_port: int = 0


def find_source(world: World, text: str, namespace: str) -> Place:
    """FROM. Raises ConfigError naming what cannot be found."""
    if _PORT.search(text) and not _address(text):
        raise ConfigError(f'"{text}": FROM has no port, it belongs to TO')
    kind, name, where = _split(text, namespace)
    if kind in _SERVICE_KINDS:
        raise ConfigError(f'"{text}": a Service sends nothing: name a pod or an address')
    return _place(world, name, where, text)


def find_targets(world: World, text: str, namespace: str) -> list[Target]:
    """TO: one, or all endpoints of a Service. Raises ConfigError naming what cannot be found."""
    host, port, protocol = _split_port(text)
    kind, name, where = _split(host, namespace)
    if kind in _SERVICE_KINDS:
        if port is None:
            raise ConfigError(f'"{text}": name a port of the Service, as in svc/{name}:80')
        return list(_endpoints(world, name, where, port, protocol))
    place = _place(world, name, where, host)
    if port is None:
        number = PROTOCOL_ICMP if len(place.ip) == 4 else PROTOCOL_ICMPV6
        return [Target(place, number, None)]
    return [Target(place, _NUMBERS[protocol], port)]


def _split_port(text: str) -> tuple[str, int | None, str]:
    found = None if _address(text) else _PORT.search(text)
    if found is None:
        return text, None, ""
    port, protocol = int(found[1]), (found[2] or "TCP").upper()
    if protocol not in _WITH_PORTS:
        raise ConfigError(f'"{text}": {found[2]} is none of {", ".join(_WITH_PORTS)}')
    if not 0 < port < 65536:
        raise ConfigError(f'"{text}": {port} is not a port (1 to 65535)')
    return text[: found.start()].strip("[]"), port, protocol


def _split(text: str, namespace: str) -> tuple[str, str, str]:
    """Kind, name and namespace of NAME, KIND/NAME, NS/NAME or KIND/NS/NAME."""
    parts = text.split("/")
    if not all(parts) or len(parts) > 3:
        raise ConfigError(f'"{text}": write NAME, NAMESPACE/NAME, pod/NAME, svc/NAME or an address')
    kinds = (*_POD_KINDS, *_SERVICE_KINDS)
    kind = parts.pop(0) if len(parts) > 1 and parts[0] in kinds else "pod"
    if len(parts) > 2:
        raise ConfigError(f'"{text}": "{parts[0]}" is no kind: there is pod and svc')
    return kind, parts[-1], parts[0] if len(parts) > 1 else namespace


def _address(text: str) -> bytes:
    try:
        return ip_address(text).packed
    except ValueError:
        return b""


def _place(world: World, name: str, namespace: str, text: str) -> Place:
    ip = _address(name)
    if ip:
        pod = world.snapshot.pods_by_ip.get(ip)
        return Place(name if pod is None else f"{pod.namespace}/{pod.name}", ip, pod)
    pod = world.snapshot.pods.get((namespace, name))
    if pod is None:
        raise ConfigError(f'"{text}": there is no running pod "{name}" in namespace "{namespace}"')
    if pod.host_network:
        return Place(f"{namespace}/{name} (hostNetwork)", pod.ips[0].packed)
    return Place(f"{namespace}/{name}", pod.ips[0].packed, pod)


def _endpoints(
    world: World, name: str, namespace: str, port: int, protocol: str
) -> Iterator[Target]:
    service = _service(world, name, namespace)
    wanted = _service_port(service, name, port, protocol)
    found = False
    for each in world.slices:
        about = each["metadata"]
        if (about["namespace"], (about.get("labels") or {}).get(_SERVICE_NAME)) != (
            namespace,
            name,
        ):
            continue
        number = _endpoint_port(each, wanted)
        for endpoint in each.get("endpoints") or () if number else ():
            for address in endpoint["addresses"]:
                found = True
                place = _place(world, address, namespace, address)
                yield Target(place, _NUMBERS[protocol], number, port)
    if not found:
        raise ConfigError(f"Service {namespace}/{name} has no endpoints for port {port}")


def _service(world: World, name: str, namespace: str) -> Object:
    for service in world.services:
        about = service["metadata"]
        if (about["namespace"], about["name"]) == (namespace, name):
            return service
    raise ConfigError(f'there is no Service "{name}" in namespace "{namespace}"')


def _service_port(service: Object, name: str, port: int, protocol: str) -> str:
    ports = service["spec"].get("ports") or ()
    for each in ports:
        if (each["port"], each.get("protocol", "TCP")) == (port, protocol):
            return str(each.get("name") or "")
    known = ", ".join(f"{each['port']}/{each.get('protocol', 'TCP')}" for each in ports)
    raise ConfigError(f"Service {name} has no port {port}/{protocol}: there is {known or 'none'}")


def _endpoint_port(slice_: Object, name: str) -> int:
    for port in slice_.get("ports") or ():
        if (port.get("name") or "") == name:
            return int(port.get("port") or 0)
    return 0
