"""What DNS has to know of the cluster, kept ready for lookups.

One change costs the size of the changed object, never that of the cluster. Keys are the
lower-case labels that questions carry.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from netcore.dns.names import Name, dashed, parse_name
from netcore.model.address import IpAddress, parse_address
from netcore.model.change import Change
from netcore.model.endpoint import Endpoint, EndpointSlice
from netcore.model.errors import ConfigError
from netcore.model.namespace import Namespace
from netcore.model.pod import Pod
from netcore.model.service import Service

Key = tuple[bytes, bytes]  # namespace, name

NO_PORT = -1  # stands for "declares no ports": exists for addresses, not for SRV


@dataclass(frozen=True, slots=True)
class PortEntry:
    name: bytes
    protocol: bytes
    port: int


@dataclass(frozen=True, slots=True)
class ServiceEntry:
    """`external` is the target of an ExternalName, None when that is an IP or no name."""

    key: Key
    is_external: bool
    external: Name | None
    headless: bool
    cluster_ips: tuple[IpAddress, ...]
    ports: tuple[PortEntry, ...]


@dataclass(frozen=True, slots=True)
class HostEntry:
    """One ready address, under the endpoint's hostname or else its dashed form."""

    name: bytes
    address: IpAddress


@dataclass(frozen=True, slots=True)
class SliceEntry:
    service: Key
    ports: tuple[PortEntry, ...]
    hosts: tuple[HostEntry, ...]
    by_name: dict[bytes, tuple[HostEntry, ...]]


_NO_PORTS = (PortEntry(b"", b"", NO_PORT),)


class Index:
    """Services, ready endpoints, namespaces and pods by what questions ask for."""

    def __init__(self) -> None:
        self._namespaces: set[bytes] = set()
        self._services: dict[Key, ServiceEntry] = {}
        self._by_cluster_ip: dict[IpAddress, dict[Key, None]] = {}
        self._slices: dict[Key, SliceEntry] = {}
        self._slices_of: dict[Key, dict[Key, None]] = {}
        self._by_endpoint: dict[IpAddress, dict[Key, None]] = {}
        self._pods: dict[Key, tuple[IpAddress, ...]] = {}
        self._by_pod_ip: dict[IpAddress, dict[Key, None]] = {}

    def apply(self, change: Change) -> None:
        """Take one change in. Kinds that DNS does not need are ignored."""
        match change.object:
            case Service() as service:
                self._remove_service(_key(service.key))
                if not change.deleted:
                    self._add_service(_service_entry(service))
            case EndpointSlice() as endpoint_slice:
                key = _key(endpoint_slice.key)
                self._remove_slice(key)
                if not change.deleted:
                    self._add_slice(key, _slice_entry(endpoint_slice))
            case Namespace(name=name):
                self._namespaces.discard(_label(name))
                if not change.deleted:
                    self._namespaces.add(_label(name))
            case Pod() as pod:
                self._remove_pod(_key(pod.key))
                if not change.deleted:
                    self._add_pod(_key(pod.key), pod.ips)

    def has_namespace(self, name: bytes) -> bool:
        return name in self._namespaces

    def service(self, key: Key) -> ServiceEntry | None:
        return self._services.get(key)

    def slices(self, service: Key) -> Iterator[SliceEntry]:
        """The slices of a service, in the order in which they became known."""
        return (self._slices[key] for key in self._slices_of.get(service, ()))

    def service_with_ip(self, address: IpAddress) -> ServiceEntry | None:
        key = next(iter(self._by_cluster_ip.get(address, ())), None)
        return None if key is None else self._services[key]

    def slices_with_ip(self, address: IpAddress) -> Iterator[SliceEntry]:
        """The slices that have a ready endpoint with this address."""
        return (self._slices[key] for key in self._by_endpoint.get(address, ()))

    def has_pod(self, namespace: bytes, address: IpAddress) -> bool:
        return any(key[0] == namespace for key in self._by_pod_ip.get(address, ()))

    def _add_service(self, entry: ServiceEntry) -> None:
        self._services[entry.key] = entry
        _link(self._by_cluster_ip, entry.cluster_ips, entry.key)

    def _remove_service(self, key: Key) -> None:
        entry = self._services.pop(key, None)
        if entry is not None:
            _unlink(self._by_cluster_ip, entry.cluster_ips, key)

    def _add_slice(self, key: Key, entry: SliceEntry) -> None:
        self._slices[key] = entry
        self._slices_of.setdefault(entry.service, {})[key] = None
        _link(self._by_endpoint, (host.address for host in entry.hosts), key)

    def _remove_slice(self, key: Key) -> None:
        entry = self._slices.pop(key, None)
        if entry is None:
            return
        siblings = self._slices_of[entry.service]
        del siblings[key]
        if not siblings:
            del self._slices_of[entry.service]
        _unlink(self._by_endpoint, (host.address for host in entry.hosts), key)

    def _add_pod(self, key: Key, ips: tuple[IpAddress, ...]) -> None:
        self._pods[key] = ips
        _link(self._by_pod_ip, ips, key)

    def _remove_pod(self, key: Key) -> None:
        _unlink(self._by_pod_ip, self._pods.pop(key, ()), key)


def _link(
    table: dict[IpAddress, dict[Key, None]], addresses: Iterable[IpAddress], key: Key
) -> None:
    for address in addresses:
        table.setdefault(address, {})[key] = None


def _unlink(
    table: dict[IpAddress, dict[Key, None]], addresses: Iterable[IpAddress], key: Key
) -> None:
    for address in addresses:
        keys = table.get(address)
        if keys is not None:
            keys.pop(key, None)
            if not keys:
                del table[address]


def _label(text: str) -> bytes:
    return text.encode().lower()


def _key(key: tuple[str, str]) -> Key:
    return (_label(key[0]), _label(key[1]))


def _service_entry(service: Service) -> ServiceEntry:
    is_external = service.type == "ExternalName"
    ports = tuple(PortEntry(_label(p.name), _label(p.protocol), p.port) for p in service.ports)
    return ServiceEntry(
        key=_key(service.key),
        is_external=is_external,
        external=_external_target(service.external_name) if is_external else None,
        headless=service.headless,
        cluster_ips=() if is_external else service.cluster_ips,
        ports=ports or _NO_PORTS,
    )


def _external_target(text: str) -> Name | None:
    try:
        parse_address(text)
    except ConfigError:
        pass
    else:
        return None
    try:
        return parse_name(text) or None
    except ConfigError:
        return None


def _slice_entry(endpoint_slice: EndpointSlice) -> SliceEntry:
    hosts = tuple(
        HostEntry(_label(endpoint.hostname) or dashed(address), address)
        for endpoint in filter(_is_ready, endpoint_slice.endpoints)
        for address in endpoint.addresses
    )
    by_name: dict[bytes, tuple[HostEntry, ...]] = {}
    for host in hosts:
        by_name[host.name] = (*by_name.get(host.name, ()), host)
    ports = tuple(
        PortEntry(_label(p.name), _label(p.protocol), p.port) for p in endpoint_slice.ports
    )
    return SliceEntry(_key(endpoint_slice.service_key), ports or _NO_PORTS, hosts, by_name)


def _is_ready(endpoint: Endpoint) -> bool:
    return endpoint.ready
