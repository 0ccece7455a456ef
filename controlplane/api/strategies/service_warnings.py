"""What a Service says to no effect: its writer is told so.

Source: Kubernetes pkg/api/service/warnings.go; the last two are about this program alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from controlplane.api.strategies.service_defaults import is_headless
from controlplane.api.strategies.tree import child
from netcore.manifest.load_balancers import LOAD_BALANCER_TYPE

if TYPE_CHECKING:
    from controlplane.api.strategies.tree import Object

LOAD_BALANCER_TYPES = ("network", "application")
TOPOLOGY_MODE = "service.kubernetes.io/topology-mode"
TOPOLOGY_HINTS = "service.kubernetes.io/topology-aware-hints"


def service_warnings(service: Object) -> list[str]:
    """The texts of `Warning:` headers about a defaulted Service."""
    spec, annotations = child(service, "spec"), child(service, "metadata", "annotations")
    warnings = []
    if TOPOLOGY_HINTS in annotations:
        warnings.append(
            f"annotation {TOPOLOGY_HINTS} is deprecated, please use {TOPOLOGY_MODE} instead"
        )
    if spec.get("type") == "ClusterIP" and is_headless(spec):
        warnings += [
            f"spec.{shown} is ignored for headless services"
            for field, shown in (
                ("loadBalancerIP", "loadBalancerIP"),
                ("externalIPs", "externalIPs"),
                ("sessionAffinity", "SessionAffinity"),
            )
            if spec.get(field) not in (None, "", [], "None")
        ]
    is_name = spec.get("type") == "ExternalName"
    if is_name and spec.get("externalIPs"):
        warnings.append('spec.externalIPs is ignored when spec.type is "ExternalName"')
    if not is_name and spec.get("externalName"):
        warnings.append('spec.externalName is ignored when spec.type is not "ExternalName"')
    mode = annotations.get(TOPOLOGY_HINTS, annotations.get(TOPOLOGY_MODE))
    if mode in ("Auto", "auto"):
        warnings.append(
            "kubehop gives no hints by the CPUs of zones (topology mode Auto): "
            "use spec.trafficDistribution"
        )
    kind = annotations.get(LOAD_BALANCER_TYPE, LOAD_BALANCER_TYPES[0])
    if kind not in LOAD_BALANCER_TYPES:
        known = " or ".join(LOAD_BALANCER_TYPES)
        warnings.append(f'annotation {LOAD_BALANCER_TYPE}: "{kind}" is not {known}')
    return warnings
