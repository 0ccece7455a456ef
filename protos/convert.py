"""Between pb2 messages and the frozen model: the only place that knows both.

`*_from_pb` raise ConfigError when a peer sent an address, CIDR or MAC that is none.
"""

from collections.abc import Callable
from typing import Any

from netcore.model.address import format_mac, parse_address, parse_mac, parse_network
from netcore.model.change import Batch, Change, Manifest, NetworkObject
from netcore.model.config import ClusterConfig
from netcore.model.endpoint import Endpoint, EndpointPort, EndpointSlice
from netcore.model.host_port import HostPort
from netcore.model.load_balancer import Ingress
from netcore.model.namespace import Namespace
from netcore.model.node import Node
from netcore.model.pod import NamedPort, Pod
from netcore.model.policy import Policy
from netcore.model.service import Service, ServicePort
from protos.convert_cloud import (
    ingress_from_pb,
    ingress_to_pb,
    load_balancer_from_pb,
    load_balancer_to_pb,
)
from protos.convert_policy import (
    policy_from_pb,
    policy_settings_from_pb,
    policy_settings_to_pb,
    policy_to_pb,
)
from protos.gen.v1 import controlplane_pb2, network_pb2


def config_to_pb(config: ClusterConfig) -> network_pb2.ClusterConfig:
    return network_pb2.ClusterConfig(
        cluster_name=config.cluster_name,
        cluster_domain=config.cluster_domain,
        pod_cidrs=map(str, config.pod_cidrs),
        service_cidrs=map(str, config.service_cidrs),
        dns_addresses=map(str, config.dns_addresses),
        underlay_mtu_bytes=config.underlay_mtu_bytes,
        vni=config.vni,
        vxlan_port=config.vxlan_port,
        proxy_mode=config.proxy_mode,
        has_ipv6_underlay=config.has_ipv6_underlay,
        ipvs_scheduler=config.ipvs_scheduler,
        lb_algorithm=config.lb_algorithm,
        policy=policy_settings_to_pb(config.policy),
    )


def config_from_pb(message: network_pb2.ClusterConfig) -> ClusterConfig:
    return ClusterConfig(
        cluster_name=message.cluster_name,
        cluster_domain=message.cluster_domain,
        pod_cidrs=tuple(map(parse_network, message.pod_cidrs)),
        service_cidrs=tuple(map(parse_network, message.service_cidrs)),
        dns_addresses=tuple(map(parse_address, message.dns_addresses)),
        underlay_mtu_bytes=message.underlay_mtu_bytes,
        vni=message.vni,
        vxlan_port=message.vxlan_port,
        proxy_mode=message.proxy_mode,
        has_ipv6_underlay=message.has_ipv6_underlay,
        ipvs_scheduler=message.ipvs_scheduler,
        lb_algorithm=message.lb_algorithm,
        policy=policy_settings_from_pb(message.policy),
    )


def node_to_pb(node: Node) -> network_pb2.Node:
    return network_pb2.Node(
        name=node.name,
        underlay_addresses=map(str, node.underlay_addresses),
        pod_cidrs=map(str, node.pod_cidrs),
        vtep_mac=format_mac(node.vtep_mac),
        ready=node.ready,
        labels=dict(node.labels),
    )


def node_from_pb(message: network_pb2.Node) -> Node:
    return Node(
        name=message.name,
        underlay_addresses=tuple(map(parse_address, message.underlay_addresses)),
        pod_cidrs=tuple(map(parse_network, message.pod_cidrs)),
        vtep_mac=parse_mac(message.vtep_mac) if message.vtep_mac else b"",
        ready=message.ready,
        labels=dict(message.labels),
    )


def pod_to_pb(pod: Pod) -> network_pb2.Pod:
    return network_pb2.Pod(
        namespace=pod.namespace,
        name=pod.name,
        uid=pod.uid,
        node_name=pod.node_name,
        ips=map(str, pod.ips),
        labels=dict(pod.labels),
        host_network=pod.host_network,
        hostname=pod.hostname,
        subdomain=pod.subdomain,
        host_ports=[
            network_pb2.HostPort(
                protocol=each.protocol,
                port=each.port,
                container_port=each.container_port,
                address=str(each.address) if each.address is not None else "",
            )
            for each in pod.host_ports
        ],
        named_ports=[
            network_pb2.NamedPort(name=each.name, protocol=each.protocol, port=each.port)
            for each in pod.named_ports
        ],
    )


def pod_from_pb(message: network_pb2.Pod) -> Pod:
    return Pod(
        namespace=message.namespace,
        name=message.name,
        uid=message.uid,
        node_name=message.node_name,
        ips=tuple(map(parse_address, message.ips)),
        labels=dict(message.labels),
        host_network=message.host_network,
        hostname=message.hostname,
        subdomain=message.subdomain,
        host_ports=tuple(
            HostPort(
                each.protocol,
                each.port,
                each.container_port,
                parse_address(each.address) if each.address else None,
            )
            for each in message.host_ports
        ),
        named_ports=tuple(
            NamedPort(each.name, each.protocol, each.port) for each in message.named_ports
        ),
    )


def service_to_pb(service: Service) -> network_pb2.Service:
    return network_pb2.Service(
        namespace=service.namespace,
        name=service.name,
        uid=service.uid,
        type=service.type,
        cluster_ips=map(str, service.cluster_ips),
        headless=service.headless,
        external_name=service.external_name,
        ports=[
            network_pb2.ServicePort(
                name=port.name, protocol=port.protocol, port=port.port, node_port=port.node_port
            )
            for port in service.ports
        ],
        session_affinity=service.session_affinity,
        session_affinity_timeout_s=service.session_affinity_timeout_s,
        internal_traffic_policy=service.internal_traffic_policy,
        external_traffic_policy=service.external_traffic_policy,
        publish_not_ready_addresses=service.publish_not_ready_addresses,
        external_ips=map(str, service.external_ips),
        load_balancer_ips=map(str, service.load_balancer_ips),
        load_balancer_source_ranges=map(str, service.load_balancer_source_ranges),
        health_check_node_port=service.health_check_node_port,
        traffic_distribution=service.traffic_distribution,
        load_balancer=load_balancer_to_pb(service.load_balancer) if service.load_balancer else None,
    )


def service_from_pb(message: network_pb2.Service) -> Service:
    return Service(
        namespace=message.namespace,
        name=message.name,
        uid=message.uid,
        type=message.type,
        cluster_ips=tuple(map(parse_address, message.cluster_ips)),
        headless=message.headless,
        external_name=message.external_name,
        ports=tuple(
            ServicePort(port.name, port.protocol, port.port, port.node_port)
            for port in message.ports
        ),
        session_affinity=message.session_affinity,
        session_affinity_timeout_s=message.session_affinity_timeout_s,
        internal_traffic_policy=message.internal_traffic_policy,
        external_traffic_policy=message.external_traffic_policy,
        publish_not_ready_addresses=message.publish_not_ready_addresses,
        external_ips=tuple(map(parse_address, message.external_ips)),
        load_balancer_ips=tuple(map(parse_address, message.load_balancer_ips)),
        load_balancer_source_ranges=tuple(map(parse_network, message.load_balancer_source_ranges)),
        health_check_node_port=message.health_check_node_port,
        traffic_distribution=message.traffic_distribution,
        load_balancer=load_balancer_from_pb(message.load_balancer)
        if message.HasField("load_balancer")
        else None,
    )


def endpoint_slice_to_pb(endpoint_slice: EndpointSlice) -> network_pb2.EndpointSlice:
    return network_pb2.EndpointSlice(
        namespace=endpoint_slice.namespace,
        name=endpoint_slice.name,
        service_name=endpoint_slice.service_name,
        address_type=endpoint_slice.address_type,
        ports=[
            network_pb2.EndpointPort(name=port.name, protocol=port.protocol, port=port.port)
            for port in endpoint_slice.ports
        ],
        endpoints=map(_endpoint_to_pb, endpoint_slice.endpoints),
        last_change_unix_ns=endpoint_slice.last_change_ns,
    )


def endpoint_slice_from_pb(message: network_pb2.EndpointSlice) -> EndpointSlice:
    return EndpointSlice(
        namespace=message.namespace,
        name=message.name,
        service_name=message.service_name,
        address_type=message.address_type,
        ports=tuple(EndpointPort(port.name, port.protocol, port.port) for port in message.ports),
        endpoints=tuple(map(_endpoint_from_pb, message.endpoints)),
        last_change_ns=message.last_change_unix_ns,
    )


def _endpoint_to_pb(endpoint: Endpoint) -> network_pb2.Endpoint:
    target_namespace, target_name = endpoint.target or ("", "")
    return network_pb2.Endpoint(
        addresses=map(str, endpoint.addresses),
        ready=endpoint.ready,
        serving=endpoint.serving,
        terminating=endpoint.terminating,
        hostname=endpoint.hostname,
        node_name=endpoint.node_name,
        zone=endpoint.zone,
        target_namespace=target_namespace,
        target_name=target_name,
        for_zones=endpoint.for_zones,
        for_nodes=endpoint.for_nodes,
    )


def _endpoint_from_pb(message: network_pb2.Endpoint) -> Endpoint:
    return Endpoint(
        addresses=tuple(map(parse_address, message.addresses)),
        ready=message.ready,
        serving=message.serving,
        terminating=message.terminating,
        hostname=message.hostname,
        node_name=message.node_name,
        zone=message.zone,
        target=(message.target_namespace, message.target_name) if message.target_name else None,
        for_zones=tuple(message.for_zones),
        for_nodes=tuple(message.for_nodes),
    )


def namespace_to_pb(namespace: Namespace) -> network_pb2.Namespace:
    return network_pb2.Namespace(name=namespace.name, labels=dict(namespace.labels))


def namespace_from_pb(message: network_pb2.Namespace) -> Namespace:
    return Namespace(message.name, dict(message.labels))


def manifest_to_pb(manifest: Manifest) -> network_pb2.Manifest:
    return network_pb2.Manifest(
        kind=manifest.kind,
        namespace=manifest.namespace,
        name=manifest.name,
        json=manifest.json,
    )


def manifest_from_pb(message: network_pb2.Manifest) -> Manifest:
    return Manifest(message.kind, message.namespace, message.name, message.json)


_TO_PB: dict[type, tuple[str, Callable[[Any], Any]]] = {
    ClusterConfig: ("config", config_to_pb),
    Node: ("node", node_to_pb),
    Pod: ("pod", pod_to_pb),
    Service: ("service", service_to_pb),
    EndpointSlice: ("endpoint_slice", endpoint_slice_to_pb),
    Namespace: ("namespace", namespace_to_pb),
    Manifest: ("manifest", manifest_to_pb),
    Ingress: ("ingress", ingress_to_pb),
    Policy: ("policy", policy_to_pb),
}

_FROM_PB: dict[str, Callable[[Any], NetworkObject]] = {
    "config": config_from_pb,
    "node": node_from_pb,
    "pod": pod_from_pb,
    "service": service_from_pb,
    "endpoint_slice": endpoint_slice_from_pb,
    "namespace": namespace_from_pb,
    "manifest": manifest_from_pb,
    "ingress": ingress_from_pb,
    "policy": policy_from_pb,
}


def change_to_pb(change: Change) -> network_pb2.Change:
    field, encode = _TO_PB[type(change.object)]
    return network_pb2.Change(deleted=change.deleted, **{field: encode(change.object)})


def change_from_pb(message: network_pb2.Change) -> Change | None:
    """The change, or None when the peer is newer and sent a kind that is not known here."""
    field = message.WhichOneof("object")
    if field is None:
        return None
    return Change(_FROM_PB[field](getattr(message, field)), message.deleted)


def batch_to_pb(batch: Batch) -> controlplane_pb2.WatchBatch:
    return controlplane_pb2.WatchBatch(
        epoch=batch.epoch,
        revision=batch.revision,
        reset=batch.reset,
        synced=batch.synced,
        changes=map(change_to_pb, batch.changes),
    )


def batch_from_pb(message: controlplane_pb2.WatchBatch) -> Batch:
    changes = (change_from_pb(change) for change in message.changes)
    return Batch(
        epoch=message.epoch,
        revision=message.revision,
        reset=message.reset,
        synced=message.synced,
        changes=tuple(change for change in changes if change is not None),
    )
