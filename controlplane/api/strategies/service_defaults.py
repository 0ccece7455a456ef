"""Defaults of core/v1 Services. Source: Kubernetes pkg/apis/core/v1/defaults.go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controlplane.api.strategies.tree import children, grow, set_default

if TYPE_CHECKING:
    from controlplane.api.strategies.tree import Object

CLIENT_IP_TIMEOUT_S = 10800
EXPOSED_TYPES = ("NodePort", "LoadBalancer")
ADDRESSED_TYPES = ("ClusterIP", *EXPOSED_TYPES)


def default_service(service: Object) -> None:
    """Fills in everything that does not need to know other Services. Idempotent."""
    spec = grow(service, "spec")
    set_default(spec, "type", "ClusterIP")
    set_default(spec, "sessionAffinity", "None")
    _default_ports(spec)
    _default_affinity(spec)
    if spec["type"] in ADDRESSED_TYPES:
        set_default(spec, "internalTrafficPolicy", "Cluster")
    if is_exposed(spec):
        set_default(spec, "externalTrafficPolicy", "Cluster")
    if spec["type"] == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts") is None:
        spec["allocateLoadBalancerNodePorts"] = True
    for ingress in children(grow(service, "status", "loadBalancer"), "ingress"):
        if ingress.get("ip"):
            set_default(ingress, "ipMode", "VIP")


def _default_ports(spec: Object) -> None:
    for port in children(spec, "ports"):
        set_default(port, "protocol", "TCP")
        if port.get("targetPort") in (None, 0, "") and port.get("port") is not None:
            port["targetPort"] = port["port"]


def _default_affinity(spec: Object) -> None:
    if spec.get("sessionAffinity") == "None":
        spec.pop("sessionAffinityConfig", None)
    elif spec.get("sessionAffinity") == "ClientIP":
        client_ip = grow(spec, "sessionAffinityConfig", "clientIP")
        set_default(client_ip, "timeoutSeconds", CLIENT_IP_TIMEOUT_S)


def is_headless(spec: Object) -> bool:
    """Whether the Service asks for no ClusterIP."""
    return spec.get("clusterIP") == "None"


def is_exposed(spec: Object) -> bool:
    """Whether clients outside of the cluster can reach it (ExternallyAccessible)."""
    by_address = spec.get("type") == "ClusterIP" and bool(spec.get("externalIPs"))
    return spec.get("type") in EXPOSED_TYPES or by_address


def needs_health_check(spec: Object) -> bool:
    """Whether balancers must ask nodes if they have an endpoint (NeedsHealthCheck)."""
    return spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"


def is_addressed(spec: Object) -> bool:
    """Whether the Service has a ClusterIP or should get one."""
    return spec.get("type") in ADDRESSED_TYPES and not is_headless(spec)
