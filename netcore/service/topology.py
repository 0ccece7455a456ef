"""Which endpoints of a Service port a node sends connections to.

Source: Kubernetes pkg/proxy/topology.go, KEP-1669 (terminating endpoints), KEP-2433 (hints),
KEP-2086 (internal traffic policy), KEP-4444 and KEP-3015 (traffic distribution).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from netcore.model.endpoint import Endpoint

Reachable = tuple[Endpoint, int]
"""An endpoint and the number of its port."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the node stands. `zone` is its label topology.kubernetes.io/zone, or empty."""

    node_name: str
    zone: str = ""


def cluster_endpoints(candidates: Sequence[Reachable], place: Place) -> list[Reachable]:
    """Those that a policy of `Cluster` allows: ready ones, those hinted for `place` where hints
    can be followed; only when none is ready, those that still serve while they terminate.
    """
    ready = [one for one in candidates if one[0].ready]
    return _hinted(ready, place) if ready else _last_resort(candidates)


def local_endpoints(candidates: Sequence[Reachable], place: Place) -> list[Reachable]:
    """Those that a policy of `Local` allows: the same, but of this node alone, without hints."""
    here = [one for one in candidates if one[0].node_name == place.node_name]
    return [one for one in here if one[0].ready] or _last_resort(here)


def _last_resort(candidates: Sequence[Reachable]) -> list[Reachable]:
    return [one for one in candidates if one[0].serving and one[0].terminating]


def _hinted(ready: list[Reachable], place: Place) -> list[Reachable]:
    """Hints hold only where all ready endpoints have them and one is for this node or zone."""
    if all(endpoint.for_nodes for endpoint, _ in ready):
        here = [one for one in ready if place.node_name in one[0].for_nodes]
        if here:
            return here
    if all(endpoint.for_zones for endpoint, _ in ready):
        near = [one for one in ready if place.zone in one[0].for_zones]
        if near:
            return near
    return ready
