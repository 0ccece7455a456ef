"""What of the cluster is streamed to nodes and servers, and how it is read."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from controlplane.controllers.conditions import parse_time
from controlplane.controllers.trigger_times import LAST_CHANGE
from netcore.manifest.endpoint_slices import endpoint_slice_state
from netcore.manifest.load_balancers import ingress_state
from netcore.manifest.namespaces import namespace_state
from netcore.manifest.nodes import node_state
from netcore.manifest.pods import pod_state
from netcore.manifest.policies import admin_network_policy, network_policy
from netcore.manifest.services import service_state
from netcore.model.address import parse_address
from netcore.model.config import ClusterConfig
from netcore.model.policy import PolicyKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from controlplane.config import ClusterSettings
    from netcore.model.change import NetworkObject
    from netcore.model.endpoint import EndpointSlice

Object = dict[str, Any]


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
        policy=settings.policy,
        has_ipv6_underlay=parse_address(settings.advertise_address).version == 6,
    )


def slice_state(slice_: Object) -> EndpointSlice | None:
    """An EndpointSlice with the moment of the change that it shows."""
    state = endpoint_slice_state(slice_)
    if state is None:
        return None
    annotations = slice_["metadata"].get("annotations") or {}
    return replace(state, last_change_ns=_last_change_ns(annotations))


def _last_change_ns(annotations: Object) -> int:
    try:
        moment = parse_time(annotations.get(LAST_CHANGE))
    except (TypeError, AttributeError):  # written by somebody else
        return 0
    return int(moment.timestamp()) * 1_000_000_000 if moment is not None else 0


STATES: dict[str, Callable[[Object], NetworkObject | None]] = {
    "/registry/core/nodes/": node_state,
    "/registry/core/pods/": pod_state,
    "/registry/core/services/": service_state,
    "/registry/discovery.k8s.io/endpointslices/": slice_state,
    "/registry/core/namespaces/": namespace_state,
    "/registry/networking.k8s.io/ingresses/": ingress_state,
    "/registry/networking.k8s.io/networkpolicies/": network_policy,
    "/registry/policy.networking.k8s.io/adminnetworkpolicies/": admin_network_policy,
    "/registry/policy.networking.k8s.io/baselineadminnetworkpolicies/": partial(
        admin_network_policy, kind=PolicyKind.BASELINE
    ),
}
"""How the objects under a store prefix are read."""


def prefix_of(key: str) -> str:
    """The store prefix of a key's resource: `/registry/core/pods/`."""
    return "/".join(key.split("/", 4)[:4]) + "/"
