"""A small cluster that has one of everything that DNS tells apart."""

from netcore.dns.index import Index
from netcore.model.address import parse_address
from netcore.model.change import Change, NetworkObject
from netcore.model.endpoint import Endpoint, EndpointPort, EndpointSlice
from netcore.model.namespace import Namespace
from netcore.model.pod import Pod
from netcore.model.service import Service, ServicePort

HTTP = ServicePort("http", "TCP", 80)
METRICS = ServicePort("metrics", "TCP", 9090)
DNS_UDP = ServicePort("dns", "UDP", 53)
DNS_TCP = ServicePort("dns-tcp", "TCP", 53)


def service(name: str, *ips: str, namespace: str = "prod", **fields) -> Service:
    """A Service with the HTTP port, unless `fields` say otherwise."""
    fields.setdefault("ports", (HTTP,))
    return Service(namespace, name, cluster_ips=tuple(map(parse_address, ips)), **fields)


def endpoint(*ips: str, **fields) -> Endpoint:
    return Endpoint(tuple(map(parse_address, ips)), **fields)


def endpoint_slice(
    service_name: str, *endpoints: Endpoint, namespace: str = "prod", suffix: str = "1", **fields
) -> EndpointSlice:
    fields.setdefault("ports", (EndpointPort("http", "TCP", 8080),))
    name = f"{service_name}-{suffix}"
    return EndpointSlice(namespace, name, service_name, endpoints=endpoints, **fields)


def cluster_objects() -> list[NetworkObject]:
    return [
        Namespace("prod"),
        Namespace("kube-system"),
        service("web", "10.96.0.20"),
        endpoint_slice("web", endpoint("10.244.1.10"), endpoint("10.244.1.11", hostname="named")),
        service("dual", "10.96.0.21", "fd00:96::21", ports=(HTTP, METRICS)),
        service("mute", "10.96.0.22", ports=()),
        service("unnamed", "10.96.0.23", ports=(ServicePort("", "TCP", 80),)),
        service("db", headless=True),
        endpoint_slice(
            "db",
            endpoint("10.244.2.1", hostname="db-0"),
            endpoint("10.244.2.2", hostname="db-1"),
            endpoint("10.244.2.3", hostname="db-2", ready=False, serving=True, terminating=True),
            endpoint("10.244.2.4"),
        ),
        endpoint_slice(
            "db",
            endpoint("fd00:244::2:1", hostname="db-0"),
            endpoint("fd00:244::"),
            suffix="2",
            address_type="IPv6",
        ),
        service("asleep", headless=True),
        endpoint_slice("asleep", endpoint("10.244.2.9", ready=False)),
        service("portless", headless=True, ports=()),
        endpoint_slice("portless", endpoint("10.244.2.8", hostname="p"), ports=()),
        external("outside", "www.example.com"),
        external("alias", "web.prod.svc.cluster.local."),
        external("broken", "none.prod.svc.cluster.local"),
        external("loop-a", "loop-b.prod.svc.cluster.local"),
        external("loop-b", "loop-a.prod.svc.cluster.local"),
        external("literal", "192.0.2.1"),
        external("far", "outside.prod.svc.cluster.local"),
        service("kube-dns", "10.96.0.10", namespace="kube-system", ports=(DNS_UDP, DNS_TCP)),
        endpoint_slice(
            "kube-dns",
            endpoint("172.18.0.3"),
            namespace="kube-system",
            ports=(EndpointPort("dns", "UDP", 53), EndpointPort("dns-tcp", "TCP", 53)),
        ),
        Pod("prod", "web-1", "uid", "node", (parse_address("10.244.1.10"),)),
    ]


def external(name: str, target: str) -> Service:
    return service(name, type="ExternalName", external_name=target, ports=())


def build_index(objects: list[NetworkObject] | None = None) -> Index:
    index = Index()
    for network_object in cluster_objects() if objects is None else objects:
        index.apply(Change(network_object))
    return index
