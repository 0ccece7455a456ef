"""FROM and TO of a trace, looked up in the cluster: who sends, where to, whom to watch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kubehop.kubernetes.client import ApiError
from kubehop.kubernetes.conditions import is_ready
from kubehop.kubernetes.deployments import settled
from kubehop.kubernetes.nodes import find_node, node_addresses
from kubehop.kubernetes.paths import namespaced
from kubehop.kubernetes.trace_services import backends_of, services_at
from netcore.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kubehop.ends import Place, Target
    from kubehop.kubernetes.client import ApiClient


@dataclass(frozen=True, slots=True)
class Source:
    """Who sends. `addresses` is empty for a client outside of the cluster."""

    kind: str
    name: str
    namespace: str = ""
    addresses: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.kind == "outside":
            return "a client outside"
        return f"pod {self.namespace}/{self.name}" if self.kind == "pod" else f"node {self.name}"

    def as_json(self) -> dict[str, Any]:
        """The `from` of a trace request."""
        if self.kind == "pod":
            return {"pod": {"namespace": self.namespace, "name": self.name}}
        return {"node": self.name}


@dataclass(frozen=True, slots=True)
class Destination:
    """Where to. `host` is an address or a DNS name; `watch` are the addresses that the packet may
    have on its way. `label` is what people call it.
    """

    host: str
    port: int
    protocol: str
    watch: tuple[str, ...]
    label: str

    def as_json(self) -> dict[str, Any]:
        """The `to` of a trace request."""
        return {"host": self.host, "port": self.port, "protocol": self.protocol}


def find_source(client: ApiClient, place: Place) -> Source:
    """Raises ConfigError or ApiError: no such pod, not running, no such node."""
    match place.kind:
        case "outside":
            return Source("outside", "outside")
        case "node":
            return Source("node", place.name, "", node_addresses(find_node(client, place.name)))
        case "address":
            raise ConfigError(
                f"{place.name}: an address sends nothing itself: name the pod or node"
            )
    place = settled(client, place)
    pod = client.get(f"{namespaced('v1', 'pods', place.namespace)}/{place.name}")
    name, addresses = pod["metadata"]["name"], _pod_addresses(pod)
    phase = pod.get("status", {}).get("phase") or "Pending"
    if phase != "Running" or not addresses:
        raise ConfigError(
            f'pod "{name}" is not running (its phase is {phase}): it can send nothing'
        )
    return Source("pod", name, place.namespace, addresses)


def find_destination(client: ApiClient, target: Target, source: Source) -> Destination:
    """Raises ConfigError or ApiError: no such pod, Service, port or node."""
    place = target.place
    if target.protocol == "SCTP":
        raise ConfigError(f"{place}: SCTP cannot be traced, TCP, UDP and ICMP can")
    match place.kind:
        case "service":
            return _to_service(client, target, source)
        case "pod" | "deployment":
            place = settled(client, place)
            pod = client.get(f"{namespaced('v1', 'pods', place.namespace)}/{place.name}")
            return _to_pod(target, pod, source)
        case "node":
            addresses = node_addresses(find_node(client, place.name))
            host = _same_family(addresses, source, str(place))
            return _at(client, target, host, addresses, str(place))
        case "address":
            return _at(client, target, place.name, (place.name,), place.name)
        case "dns":
            return _to_name(client, target)
    pod = _pod_or_none(client, place)
    return _to_pod(target, pod, source) if pod is not None else _to_name(client, target)


def _to_pod(target: Target, pod: dict[str, Any], source: Source) -> Destination:
    about = pod["metadata"]
    label = f"pod {about['namespace']}/{about['name']}"
    addresses = _pod_addresses(pod)
    if not addresses:
        raise ConfigError(f"{label} has no address yet: nothing can be sent to it")
    host = _same_family(addresses, source, label)
    return _destination(target, host, addresses, label)


def _to_service(client: ApiClient, target: Target, source: Source) -> Destination:
    place = target.place
    service = client.get(f"{namespaced('v1', 'services', place.namespace)}/{place.name}")
    spec, label = service["spec"], f"Service {place.namespace}/{place.name}"
    if spec.get("type") == "ExternalName":
        raise ConfigError(f"{label} is only a name ({spec['externalName']}): trace to that name")
    port = None if target.protocol == "ICMP" else _service_port(service, target, label)
    number = 0 if port is None else int(port["port"])
    protocol = "ICMP" if port is None else str(port.get("protocol", "TCP"))
    backends = backends_of(client, place.namespace, place.name)
    cluster_ips = tuple(ip for ip in spec.get("clusterIPs") or () if ip != "None")
    if source.kind == "outside":
        hosts, number = _from_outside(client, service, port, label)
        return Destination(hosts[0], number, protocol, (*hosts, *cluster_ips, *backends), label)
    if not cluster_ips:  # headless: only DNS knows the pods behind it
        host = f"{place.name}.{place.namespace}.svc"
        return Destination(host, number, protocol, backends, label)
    host = _same_family(cluster_ips, source, label)
    return Destination(host, number, protocol, (*cluster_ips, *backends), label)


def _service_port(service: dict[str, Any], target: Target, label: str) -> dict[str, Any]:
    """The port that was asked for by number or name; without one the first."""
    ports = [
        found
        for found in service["spec"].get("ports") or ()
        if target.protocol in ("", found.get("protocol", "TCP"))
    ]
    wanted = target.port
    for found in ports:
        if wanted in ("", str(found["port"]), found.get("name")):
            if found.get("protocol", "TCP") not in ("TCP", "UDP"):
                raise ConfigError(f"{label}: {found['protocol']} cannot be traced: TCP or UDP")
            return dict(found)
    if wanted.isascii() and wanted.isdigit() and 0 < int(wanted) < 65536:
        # A port that the Service does not have: how that is refused can be traced, too.
        return {"port": int(wanted), "protocol": target.protocol or "TCP"}
    there = ", ".join(
        f"{found['port']}/{found.get('protocol', 'TCP')} {found.get('name', '')}".strip()
        for found in service["spec"].get("ports") or ()
    )
    raise ConfigError(f'{label} has no port "{wanted}": it has {there or "none"}')


def _from_outside(
    client: ApiClient, service: dict[str, Any], port: dict[str, Any] | None, label: str
) -> tuple[tuple[str, ...], int]:
    """Load balancer, external IP or node port, whatever there is first: addresses and port."""
    number = int(port["port"]) if port else 0
    ingress = service.get("status", {}).get("loadBalancer", {}).get("ingress") or ()
    addresses = [*(found["ip"] for found in ingress if "ip" in found)]
    addresses += service["spec"].get("externalIPs") or ()
    if addresses:
        return tuple(map(str, addresses)), number
    if port is not None and port.get("nodePort"):
        ready = [node for node in client.get("/api/v1/nodes")["items"] if is_ready(node)]
        at = tuple(address for node in ready for address in node_addresses(node))
        if at:
            return at, int(port["nodePort"])
    raise ConfigError(
        f"{label} is of type {service['spec'].get('type', 'ClusterIP')}: a client outside reaches "
        "only node ports, external IPs and load balancers"
    )


def _to_name(client: ApiClient, target: Target) -> Destination:
    """A name for the sender's resolver. If it is a Service's, its backends are watched."""
    place = target.place
    parts = place.name.rstrip(".").split(".")
    namespace = parts[1] if len(parts) > 1 else place.namespace
    watch: tuple[str, ...] = ()
    try:
        service = client.get(f"{namespaced('v1', 'services', namespace)}/{parts[0]}")
        ips = tuple(ip for ip in service["spec"].get("clusterIPs") or () if ip != "None")
        watch = (*ips, *backends_of(client, namespace, parts[0]))
    except ApiError:
        pass  # some other name
    return _destination(target, place.name, watch, place.name)


def _at(
    client: ApiClient, target: Target, host: str, addresses: tuple[str, ...], label: str
) -> Destination:
    """An address, and what stands behind it where it is a Service's, also at a node's port."""
    behind: list[str] = []
    for namespace, name in services_at(client, addresses, target.port):
        behind += backends_of(client, namespace, name)
    return _destination(target, host, (*addresses, *behind), label)


def _destination(target: Target, host: str, watch: Iterable[str], label: str) -> Destination:
    protocol = target.protocol or ("TCP" if target.port else "ICMP")
    number = int(target.port) if target.port else 0
    return Destination(host, number, protocol, tuple(dict.fromkeys(watch)), label)


def _same_family(addresses: tuple[str, ...], source: Source, label: str) -> str:
    """The first address of a family that the sender has, too."""
    own = {":" in address for address in source.addresses}
    for address in addresses:
        if not own or (":" in address) in own:
            return address
    family = "IPv6" if True in own else "IPv4"
    raise ConfigError(f"{source} has only {family}, {label} has {', '.join(addresses)}")


def _pod_or_none(client: ApiClient, place: Place) -> dict[str, Any] | None:
    try:
        return dict(client.get(f"{namespaced('v1', 'pods', place.namespace)}/{place.name}"))
    except ApiError as error:
        if error.code == 404:
            return None
        raise


def _pod_addresses(pod: dict[str, Any]) -> tuple[str, ...]:
    return tuple(entry["ip"] for entry in pod.get("status", {}).get("podIPs") or ())
