"""Services and their endpoints, for those who follow a packet behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubehop.kubernetes.paths import namespaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubehop.kubernetes.client import ApiClient

_SERVICE_LABEL = "kubernetes.io/service-name"
MAX_BACKENDS = 900
"""How many addresses of one Service are watched: a trace request takes 1024."""


def backends_of(client: ApiClient, namespace: str, service: str) -> tuple[str, ...]:
    """The addresses of all endpoints of a Service, ready or not, MAX_BACKENDS at most."""
    path = namespaced("discovery.k8s.io/v1", "endpointslices", namespace)
    found = client.get(path, {"labelSelector": f"{_SERVICE_LABEL}={service}"})["items"]
    addresses = {
        address: None
        for item in found
        for endpoint in item.get("endpoints") or ()
        for address in endpoint["addresses"]
        if item.get("addressType") in ("IPv4", "IPv6")
    }
    return tuple(addresses)[:MAX_BACKENDS]


def services_at(
    client: ApiClient, addresses: tuple[str, ...], port: str
) -> Iterator[tuple[str, str]]:
    """(namespace, name) of the Services that answer at an address, or at the node port."""
    for service in client.get("/api/v1/services")["items"]:
        if _addresses(service) & set(addresses) or port in _node_ports(service):
            yield service["metadata"]["namespace"], service["metadata"]["name"]


def _addresses(service: dict[str, Any]) -> set[str]:
    spec = service["spec"]
    ingress = service.get("status", {}).get("loadBalancer", {}).get("ingress") or ()
    return {
        *(spec.get("clusterIPs") or ()),
        *(spec.get("externalIPs") or ()),
        *(found["ip"] for found in ingress if "ip" in found),
    }


def _node_ports(service: dict[str, Any]) -> set[str]:
    ports = service["spec"].get("ports") or ()
    return {str(port["nodePort"]) for port in ports if port.get("nodePort")}
