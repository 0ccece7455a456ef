"""What every cluster has from its first second: namespaces, `kubernetes`, `kube-dns`."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from controlplane.api.access.default_roles import (
    BINDINGS,
    ROLES,
    default_bindings,
    default_roles,
)
from controlplane.api.errors import StatusError
from controlplane.api.strategies.ingress import CLASS
from controlplane.api.strategies.service_families import PREFER_DUAL_STACK, SINGLE_STACK
from controlplane.controllers import dns
from controlplane.controllers.endpointslice import SERVICE_NAME, SLICES
from controlplane.controllers.mirroring import SKIP_MIRROR
from netcore.policy.presets import SETTINGS_NAME, choices

if TYPE_CHECKING:
    from controlplane.api.client import Client
    from controlplane.config import ClusterSettings

Object = dict[str, Any]
INGRESS_CLASS: Object = {
    "metadata": {
        "name": CLASS,
        "annotations": {"ingressclass.kubernetes.io/is-default-class": "true"},
    },
    "spec": {"controller": "kubehop.dev/cloudlb"},
}
"""What the cloud's application load balancer serves."""

NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")


async def bootstrap(client: Client, settings: ClusterSettings) -> None:
    """Makes the objects of a new cluster and corrects those that follow from the flags.

    Idempotent. Raises StatusError, e.g. when the service CIDR was changed.
    """
    for name in NAMESPACES:
        await _ensure(client, "namespaces", {"metadata": {"name": name}})
    await _ensure(client, "services", kubernetes_service(settings))
    await _ensure(client, "services", dns_service(settings))
    endpoints, slice_ = kubernetes_endpoints(settings)
    await _ensure(client, "endpoints", endpoints, ("subsets",))
    await _ensure(client, SLICES, slice_, ("endpoints", "ports"))
    empty: Object = {"metadata": {"name": dns.NAME, "namespace": dns.NAMESPACE}, "subsets": []}
    await _ensure(client, "endpoints", empty)
    await _ensure(client, "ingressclasses.networking.k8s.io", INGRESS_CLASS)
    await _ensure(client, "configmaps", cluster_settings(settings), ("data",))
    for role in default_roles():
        await _ensure(client, ROLES, role)
    for binding in default_bindings():
        await _ensure(client, BINDINGS, binding)


async def _ensure(
    client: Client, resource: str, obj: Object, corrected: tuple[str, ...] = ()
) -> None:
    try:
        await client.create(resource, obj)
    except StatusError as error:
        if error.reason != "AlreadyExists":
            raise
        fields = {field: obj[field] for field in corrected}
        if fields:
            metadata = obj["metadata"]
            await client.patch(
                resource,
                metadata["name"],
                lambda current: current.update(fields),
                metadata.get("namespace"),
            )


def kubernetes_service(settings: ClusterSettings) -> Object:
    """default/kubernetes, at the first address of the service CIDR."""
    return {
        "metadata": {
            "name": "kubernetes",
            "namespace": "default",
            "labels": {"component": "apiserver", "provider": "kubernetes"},
        },
        "spec": {
            "clusterIP": settings.kubernetes_service_ip,
            "ports": [
                {
                    "name": "https",
                    "port": 443,
                    "protocol": "TCP",
                    "targetPort": settings.api_port,
                }
            ],
        },
    }


def kubernetes_endpoints(settings: ClusterSettings) -> tuple[Object, Object]:
    """Endpoints and EndpointSlice of default/kubernetes: the control plane on the underlay."""
    address = ip_address(settings.advertise_address)
    family = f"IPv{address.version}"
    # Endpoints must not be loopback addresses: such a control plane is not for pods to reach.
    reachable = [] if address.is_loopback else [str(address)]
    port = {"name": "https", "port": settings.api_port, "protocol": "TCP"}
    about = {"name": "kubernetes", "namespace": "default"}
    endpoints = {
        "metadata": {**about, "labels": {SKIP_MIRROR: "true"}},
        "subsets": [{"addresses": [{"ip": text}], "ports": [port]} for text in reachable],
    }
    slice_ = {
        "metadata": {**about, "labels": {SERVICE_NAME: "kubernetes"}},
        "addressType": family,
        "endpoints": [{"addresses": [text], "conditions": {"ready": True}} for text in reachable],
        "ports": [port],
    }
    return endpoints, slice_


def cluster_settings(settings: ClusterSettings) -> Object:
    """kube-system/kubehop-config: by what policies are judged, for whoever predicts verdicts."""
    return {
        "metadata": {"name": SETTINGS_NAME, "namespace": "kube-system"},
        "data": {"cni": settings.cni, "policy": " ".join(choices(settings.policy))},
    }


def dns_service(settings: ClusterSettings) -> Object:
    """kube-system/kube-dns, at the tenth address of each family; its servers are no pods."""
    is_dual = len(settings.cluster_dns) > 1
    return {
        "metadata": {
            "name": dns.NAME,
            "namespace": dns.NAMESPACE,
            "labels": {
                "k8s-app": "kube-dns",
                "kubernetes.io/cluster-service": "true",
                "kubernetes.io/name": "CoreDNS",
            },
            "annotations": {"prometheus.io/port": "9153", "prometheus.io/scrape": "true"},
        },
        "spec": {
            "clusterIP": settings.cluster_dns[0],
            "clusterIPs": list(settings.cluster_dns),
            "ipFamilyPolicy": PREFER_DUAL_STACK if is_dual else SINGLE_STACK,
            "ports": [
                {"name": name, "port": port, "protocol": protocol, "targetPort": port}
                for name, protocol, port in dns.PORTS
            ],
        },
    }
