"""From the labels below a zone to the Services, endpoints and pods that they name.

The rules are those of the Kubernetes DNS specification 1.1.0 as CoreDNS applies them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from netcore.dns.index import Index, PortEntry, ServiceEntry
from netcore.dns.names import Name, parse_dashed
from netcore.dns.zones import PodMode
from netcore.model.address import IpAddress

SERVICE = b"svc"
POD = b"pod"


@dataclass(frozen=True, slots=True)
class Match:
    """One thing that a name stands for: an address with a port, or an alias.

    `owner` are the canonical, lower-case labels below the zone. `port` is 0 for pods and
    NO_PORT for what declares none.
    """

    owner: Name
    port: int = 0
    address: IpAddress | None = None
    alias: Name | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """The parts of `_port._protocol.name.namespace.kind` or `endpoint.name.namespace.kind`."""

    kind: bytes
    namespace: bytes = b""
    name: bytes = b""
    endpoint: bytes = b""
    port: bytes = b""
    protocol: bytes = b""


def parse_target(labels: Name) -> Target | None:
    """What the lower-case labels below the zone ask for; None when that cannot exist."""
    kind = labels[-1]
    if kind not in (SERVICE, POD) or len(labels) > 5:
        return None
    namespace = labels[-2] if len(labels) > 1 else b""
    name = labels[-3] if len(labels) > 2 else b""
    if len(labels) == 5:
        port, protocol = (label.removeprefix(b"_") for label in labels[:2])
        return Target(kind, namespace, name, port=port, protocol=protocol)
    return Target(kind, namespace, name, endpoint=labels[0] if len(labels) == 4 else b"")


def find(index: Index, pods: PodMode, labels: Name) -> tuple[Match, ...] | None:
    """What the lower-case labels below the zone stand for.

    Empty: the name exists but stands for nothing itself. None: there is no such name.
    """
    if labels in ((), (SERVICE,), (POD,)):
        return ()
    target = parse_target(labels)
    if target is None or not index.has_namespace(target.namespace):
        return None
    if target.kind == POD:
        return _find_pod(index, pods, target)
    if not target.name:
        return ()
    service = index.service((target.namespace, target.name))
    return None if service is None else _find_service(index, service, target)


def _find_pod(index: Index, pods: PodMode, target: Target) -> tuple[Match, ...] | None:
    if pods == "disabled":
        return None
    if not target.name:
        return ()
    address = parse_dashed(target.name)
    if address is None:
        return None
    if pods == "verified" and not index.has_pod(target.namespace, address):
        return None
    return (Match((target.name, target.namespace, POD), address=address),)


def _find_service(index: Index, service: ServiceEntry, target: Target) -> tuple[Match, ...] | None:
    owner = (service.key[1], service.key[0], SERVICE)
    if service.is_external:
        is_sub_name = target.endpoint or target.port or target.protocol
        if service.external is None or is_sub_name:
            return None
        return (Match(owner, alias=service.external),)
    if service.headless or target.endpoint:
        return tuple(_find_endpoints(index, owner, service, target)) or None
    ports = tuple(_matching(service.ports, target))
    if not ports:
        return None
    return tuple(
        Match(owner, port.port, address) for port in ports for address in service.cluster_ips
    )


def _find_endpoints(
    index: Index, owner: Name, service: ServiceEntry, target: Target
) -> Iterator[Match]:
    for entry in index.slices(service.key):
        hosts = entry.by_name.get(target.endpoint, ()) if target.endpoint else entry.hosts
        for host in hosts:
            for port in _matching(entry.ports, target):
                yield Match((host.name, *owner), port.port, host.address)


def _matching(ports: Iterable[PortEntry], target: Target) -> Iterator[PortEntry]:
    for port in ports:
        if target.port in (b"", port.name) and target.protocol in (b"", port.protocol):
            yield port
