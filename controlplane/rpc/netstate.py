"""Kubernetes objects as the network sees them: pure, and deaf to what it cannot understand.

Each function returns None for an object that does not exist for the network (a finished pod, a
node without address) and leaves out addresses that are none: what one user wrote must not stop
the stream for everybody.
"""

from __future__ import annotations

import json
from functools import lru_cache
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

from controlplane.api.strategies.node_network import PUBLIC_IP
from controlplane.controllers.conditions import parse_time
from controlplane.controllers.trigger_times import LAST_CHANGE
from controlplane.rpc.cloudstate import ingress_state, load_balancer_of
from netcore.model.address import parse_address, parse_mac, parse_network
from netcore.model.config import ClusterConfig
from netcore.model.endpoint import Endpoint, EndpointPort, EndpointSlice
from netcore.model.errors import ConfigError
from netcore.model.host_port import host_ports
from netcore.model.namespace import Namespace
from netcore.model.node import Node
from netcore.model.pod import Pod
from netcore.model.service import Service, ServicePort

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from controlplane.config import ClusterSettings
    from netcore.model.address import IpAddress, IpNetwork
    from netcore.model.change import NetworkObject

Object = dict[str, Any]
BACKEND_TYPE = "flannel.alpha.coreos.com/backend-type"
BACKEND_DATA = "flannel.alpha.coreos.com/backend-data"
SERVICE_NAME = "kubernetes.io/service-name"
SOURCE_RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"


def cluster_config(settings: ClusterSettings) -> ClusterConfig:
    """What holds for the whole cluster."""
    return ClusterConfig(
        cluster_name=settings.cluster_name,
        pod_cidrs=settings.pod_cidrs,
        service_cidrs=settings.service_cidrs,
        dns_addresses=tuple(map(parse_address, settings.cluster_dns)),
        cluster_domain=settings.cluster_domain,
        underlay_mtu_bytes=settings.underlay_mtu_bytes,
        proxy_mode=settings.proxy_mode,
        ipvs_scheduler=settings.ipvs_scheduler,
        lb_algorithm=settings.lb_algorithm,
        has_ipv6_underlay=parse_address(settings.advertise_address).version == 6,
    )


def _addresses(texts: Iterable[Any]) -> tuple[IpAddress, ...]:
    found = (_address(str(text)) for text in texts)
    return tuple(address for address in found if address is not None)


@lru_cache(maxsize=16384)
def _address(text: str) -> IpAddress | None:
    """One change of a slice means reading all of its endpoints again, mostly the same ones."""
    try:
        return parse_address(text)
    except ConfigError:
        return None


def _networks(texts: Iterable[Any]) -> tuple[IpNetwork, ...]:
    found = []
    for text in texts:
        try:
            found.append(parse_network(str(text)))
        except ConfigError:
            continue
    return tuple(found)


def _conditions(obj: Object) -> dict[str, str]:
    entries = (obj.get("status") or {}).get("conditions") or ()
    return {str(entry.get("type")): str(entry.get("status")) for entry in entries}


def underlay_addresses(node: Object) -> tuple[IpAddress, ...]:
    """Where the node is, the address of its VTEP first: the InternalIPs, but flannel's public-ip
    in place of those of its family.
    """
    public = (node["metadata"].get("annotations") or {}).get(PUBLIC_IP)
    entries = (node.get("status") or {}).get("addresses") or ()
    internal = _addresses(e.get("address") for e in entries if e.get("type") == "InternalIP")
    vtep = _addresses([public] if public else ())
    others = [a for a in internal if a.version not in {each.version for each in vtep}]
    return (*vtep, *others)


def vtep_mac(node: Object) -> bytes:
    """The VTEP's MAC out of flannel's backend-data annotation, empty when there is none."""
    text = (node["metadata"].get("annotations") or {}).get(BACKEND_DATA)
    try:
        data = json.loads(text or "{}")
        return parse_mac(str(data["VtepMAC"]))
    except (ValueError, KeyError, TypeError, ConfigError):
        return b""


def node_state(node: Object) -> Node:
    """A Node, with or without an agent of ours behind it."""
    return Node(
        name=node["metadata"]["name"],
        underlay_addresses=underlay_addresses(node),
        pod_cidrs=_networks((node.get("spec") or {}).get("podCIDRs") or ()),
        vtep_mac=vtep_mac(node),
        ready=_conditions(node).get("Ready") == "True",
        labels=dict(node["metadata"].get("labels") or {}),
    )


def pod_state(pod: Object) -> Pod | None:
    """A pod that has addresses and has not finished."""
    status = pod.get("status") or {}
    if status.get("phase") in ("Succeeded", "Failed"):
        return None
    texts = [entry.get("ip") for entry in status.get("podIPs") or ()] or [status.get("podIP")]
    ips = _addresses(text for text in texts if text)
    if not ips:
        return None
    spec, about = pod["spec"], pod["metadata"]
    return Pod(
        namespace=about["namespace"],
        name=about["name"],
        uid=about["uid"],
        node_name=spec.get("nodeName") or "",
        ips=ips,
        labels=dict(about.get("labels") or {}),
        host_network=bool(spec.get("hostNetwork")),
        hostname=spec.get("hostname") or about["name"],
        subdomain=spec.get("subdomain") or "",
        host_ports=() if spec.get("hostNetwork") else host_ports(pod),
    )


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
        cluster_ips=_addresses(text for text in texts if text and text != "None"),
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
        external_ips=_addresses(spec.get("externalIPs") or ()),
        load_balancer_ips=_load_balancer_ips(service),
        load_balancer_source_ranges=_ranges(_source_ranges(service)),
        health_check_node_port=int(spec.get("healthCheckNodePort") or 0),
        traffic_distribution=spec.get("trafficDistribution") or "",
        load_balancer=load_balancer_of(service),
    )


def _load_balancer_ips(service: Object) -> tuple[IpAddress, ...]:
    """Those that nodes answer for themselves, as they do unless ipMode says Proxy (KEP-1860)."""
    status = (service.get("status") or {}).get("loadBalancer") or {}
    return _addresses(
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


def endpoint_slice_state(slice_: Object) -> EndpointSlice | None:
    """A slice of IP addresses which belongs to a Service."""
    about = slice_["metadata"]
    service_name = (about.get("labels") or {}).get(SERVICE_NAME)
    if not service_name or slice_.get("addressType") not in ("IPv4", "IPv6"):
        return None
    endpoints = (_endpoint(entry, about["namespace"]) for entry in slice_.get("endpoints") or ())
    return EndpointSlice(
        namespace=about["namespace"],
        name=about["name"],
        service_name=service_name,
        address_type=slice_["addressType"],
        ports=tuple(
            EndpointPort(port.get("name") or "", port.get("protocol") or "TCP", int(port["port"]))
            for port in slice_.get("ports") or ()
            if port.get("port")
        ),
        endpoints=tuple(endpoint for endpoint in endpoints if endpoint.addresses),
        last_change_ns=_last_change_ns(about.get("annotations") or {}),
    )


def _last_change_ns(annotations: Object) -> int:
    try:
        moment = parse_time(annotations.get(LAST_CHANGE))
    except (TypeError, AttributeError):  # written by somebody else
        return 0
    return int(moment.timestamp()) * 1_000_000_000 if moment is not None else 0


def _endpoint(entry: Object, namespace: str) -> Endpoint:
    conditions = entry.get("conditions") or {}
    ready = conditions.get("ready") is not False
    serving = conditions.get("serving")
    target = entry.get("targetRef") or {}
    hints = entry.get("hints") or {}
    is_pod = target.get("kind") == "Pod" and target.get("name")
    return Endpoint(
        addresses=_addresses(entry.get("addresses") or ()),
        ready=ready,
        serving=ready if serving is None else bool(serving),
        terminating=bool(conditions.get("terminating")),
        hostname=entry.get("hostname") or "",
        node_name=entry.get("nodeName") or "",
        zone=entry.get("zone") or "",
        target=(target.get("namespace") or namespace, target["name"]) if is_pod else None,
        for_zones=_names(hints.get("forZones")),
        for_nodes=_names(hints.get("forNodes")),
    )


def _names(entries: list[Object] | None) -> tuple[str, ...]:
    return tuple(str(entry["name"]) for entry in entries or ())


def namespace_state(namespace: Object) -> Namespace:
    """A namespace and its labels."""
    about = namespace["metadata"]
    return Namespace(about["name"], dict(about.get("labels") or {}))


STATES: dict[str, Callable[[Object], NetworkObject | None]] = {
    "/registry/core/nodes/": node_state,
    "/registry/core/pods/": pod_state,
    "/registry/core/services/": service_state,
    "/registry/discovery.k8s.io/endpointslices/": endpoint_slice_state,
    "/registry/core/namespaces/": namespace_state,
    "/registry/networking.k8s.io/ingresses/": ingress_state,
}
"""How the objects under a store prefix are read."""


def prefix_of(key: str) -> str:
    """The store prefix of a key's resource: `/registry/core/pods/`."""
    return "/".join(key.split("/", 4)[:4]) + "/"
