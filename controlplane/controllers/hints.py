"""Topology hints: for which zone or node an endpoint of a Service is. Pure.

`spec.trafficDistribution` PreferSameZone (and its older name PreferClose) hints every ready
endpoint for the zone that it is in, PreferSameNode for its node as well. Proxies follow hints only
where all ready endpoints have them (netcore.service.topology).

The annotation service.kubernetes.io/topology-mode: Auto, which shares endpoints out by the CPUs of
the zones (KEP-2433), is not followed: such a Service gets no hints, and its trafficDistribution
does not count, as on a cluster whose zones are too uneven for it.
Source: Kubernetes staging/src/k8s.io/endpointslice (trafficdist/trafficdist.go, utils.go).
"""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]
TOPOLOGY_MODE = "service.kubernetes.io/topology-mode"
_DEPRECATED_MODE = "service.kubernetes.io/topology-aware-hints"
_BY_ZONE = ("PreferClose", "PreferSameZone", "PreferSameNode")
_BY_NODE = "PreferSameNode"


def wants_automatic_hints(service: Object) -> bool:
    """Whether an annotation asks for hints by the CPUs of the zones."""
    annotations = service["metadata"].get("annotations") or {}
    mode = annotations.get(_DEPRECATED_MODE, annotations.get(TOPOLOGY_MODE))
    return mode in ("Auto", "auto")


def traffic_hints(service: Object, endpoint: Object) -> Object:
    """The `hints` of one endpoint; empty where it has none."""
    distribution = service["spec"].get("trafficDistribution")
    if not endpoint["conditions"]["ready"] or wants_automatic_hints(service):
        return {}
    hints: Object = {}
    if distribution in _BY_ZONE and endpoint.get("zone"):
        hints["forZones"] = [{"name": endpoint["zone"]}]
    if distribution == _BY_NODE and endpoint.get("nodeName"):
        hints["forNodes"] = [{"name": endpoint["nodeName"]}]
    return hints
