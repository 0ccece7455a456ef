"""Services out of their manifests."""

from collections.abc import Iterable
from ipaddress import ip_network
from typing import Any

from netcore.manifest.addresses import addresses
from netcore.manifest.load_balancers import load_balancer_of
from netcore.model.address import IpAddress, IpNetwork
from netcore.model.service import Service, ServicePort

Object = dict[str, Any]
SOURCE_RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"


def service_state(service: Object) -> Service:
    """A Service of any type."""
    spec, about = service["spec"], service["metadata"]
    texts = spec.get("clusterIPs") or [spec.get("clusterIP")]
    timeout = ((spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}).get(
        "timeoutSeconds"
    )
    return Service(
        namespace=about["namespace"],
        name=about["name"],
        uid=about["uid"],
        type=spec.get("type") or "ClusterIP",
        cluster_ips=addresses(text for text in texts if text and text != "None"),
        headless=spec.get("clusterIP") == "None",
        external_name=spec.get("externalName") or "",
        ports=tuple(
            ServicePort(
                name=port.get("name") or "",
                protocol=port.get("protocol") or "TCP",
                port=int(port["port"]),
                node_port=int(port.get("nodePort") or 0),
            )
            for port in spec.get("ports") or ()
        ),
        session_affinity=spec.get("sessionAffinity") or "None",
        session_affinity_timeout_s=int(timeout or 10800),
        internal_traffic_policy=spec.get("internalTrafficPolicy") or "Cluster",
        external_traffic_policy=spec.get("externalTrafficPolicy") or "Cluster",
        publish_not_ready_addresses=bool(spec.get("publishNotReadyAddresses")),
        external_ips=addresses(spec.get("externalIPs") or ()),
        load_balancer_ips=_load_balancer_ips(service),
        load_balancer_source_ranges=_ranges(_source_ranges(service)),
        health_check_node_port=int(spec.get("healthCheckNodePort") or 0),
        traffic_distribution=spec.get("trafficDistribution") or "",
        load_balancer=load_balancer_of(service),
    )


def _load_balancer_ips(service: Object) -> tuple[IpAddress, ...]:
    """Those that nodes answer for themselves, as they do unless ipMode says Proxy (KEP-1860)."""
    status = (service.get("status") or {}).get("loadBalancer") or {}
    return addresses(
        entry["ip"]
        for entry in status.get("ingress") or ()
        if entry.get("ip") and entry.get("ipMode") != "Proxy"
    )


def _ranges(texts: Iterable[str]) -> tuple[IpNetwork, ...]:
    """The API takes ranges with bits of the host set: they mean the same without them."""
    found = []
    for text in texts:
        try:
            found.append(ip_network(text, strict=False))
        except ValueError:
            continue
    return tuple(found)


def _source_ranges(service: Object) -> list[str]:
    """The field, or else the annotation that it took the place of (k8s.io/cloud-provider)."""
    ranges = service["spec"].get("loadBalancerSourceRanges")
    if ranges:
        return [str(text).strip() for text in ranges]
    annotations = service["metadata"].get("annotations") or {}
    return [text.strip() for text in annotations.get(SOURCE_RANGES, "").split(",")]
