"""Flows to forget because where they were translated to is gone.

Source: Kubernetes pkg/proxy/conntrack/cleanup.go for what is not TCP. A TCP connection outlives
its Service, but not the pod at its other end: once that is gone, the flow is forgotten, and
the client's next segment is answered with a reset by whoever gets it.
"""

from collections.abc import Iterable
from itertools import chain

from netcore.packet.protocols import PROTOCOL_TCP
from netcore.pipeline.snapshot import Snapshot
from netcore.service.balancing import BackendPlace
from netcore.service.frontend import FrontendKey, serving_places

Pair = tuple[FrontendKey, BackendPlace]
"""A frontend, and the backend that flows through it have."""


def gone_backends(pairs: Iterable[Pair], old: Snapshot, new: Snapshot) -> frozenset[Pair]:
    """Those of `pairs` whose flows are to be forgotten now that `new` takes the place of `old`."""
    if old.frontends is new.frontends and old.pods_by_ip is new.pods_by_ip:
        return frozenset()
    return frozenset(pair for pair in pairs if _is_gone(*pair, old, new))


def _is_gone(key: FrontendKey, backend: BackendPlace, old: Snapshot, new: Snapshot) -> bool:
    if key[1] == PROTOCOL_TCP:
        return backend[0] in old.pods_by_ip and backend[0] not in new.pods_by_ip
    frontend = new.frontends.get(key)
    if frontend is old.frontends.get(key):
        return False
    if frontend is None:
        return True
    usable = chain(frontend.backends, frontend.local_backends or ())
    if any(one.place == backend for one in usable):
        return False
    return backend not in serving_places(frontend, new.slices_of(frontend.service.key))
