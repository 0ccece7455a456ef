"""`/metrics` of the API: requests as an API server counts them, and the store.

Labels come from a bounded set: a resource that there is not, and a method that is none, are not
named. Source: k8s.io/apiserver pkg/endpoints/metrics/metrics.go.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prometheus_client import Counter, Gauge, Histogram, generate_latest

from controlplane.api.errors import StatusError
from controlplane.api.http.request_info import RequestInfo, parse_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import web
    from prometheus_client import CollectorRegistry

    from controlplane.api.http.dispatch import Dispatcher

_WHAT = ("verb", "group", "version", "resource", "subresource", "scope", "component")
_BUCKETS = (0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15,
            20, 30, 45, 60)  # fmt: skip
_VERBS = {"create": "POST", "update": "PUT", "patch": "PATCH", "delete": "DELETE", "get": "GET",
          "list": "LIST", "deletecollection": "DELETECOLLECTION"}  # fmt: skip
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
_CONNECTS = {"exec", "attach", "portforward", "proxy", "log", "trace"}
_LONG = ("WATCH", "CONNECT")
_READS = ("GET", "HEAD", "LIST", "WATCH", "OPTIONS")
_COMPONENT = "apiserver"


class Metrics:
    """Counts what is served."""

    def __init__(self, registry: CollectorRegistry, dispatcher: Dispatcher) -> None:
        self._registry = registry
        self._dispatcher = dispatcher
        store = dispatcher.registry.store
        self.requests = Counter(
            "apiserver_request",
            "Counter of apiserver requests broken out for each verb, resource and code.",
            (*_WHAT, "code", "dry_run"),
            registry=registry,
        )
        self.durations = Histogram(
            "apiserver_request_duration_seconds",
            "Response latency distribution in seconds.",
            _WHAT,
            buckets=_BUCKETS,
            registry=registry,
        )
        self.running = Gauge(
            "apiserver_longrunning_requests",
            "Gauge of all active long-running apiserver requests.",
            _WHAT,
            registry=registry,
        )
        self.inflight = Gauge(
            "apiserver_current_inflight_requests",
            "Number of currently used inflight requests, without those that run long.",
            ("request_kind",),
            registry=registry,
        )
        revision = Gauge("kubehop_store_revision", "The newest write.", registry=registry)
        revision.set_function(store.revision)

    def begin(self, request: web.BaseRequest) -> Serving:
        """A request has come; `end` has to follow."""
        info = parse_path(request.method, request.raw_path.partition("?")[0])
        return Serving(self, self._what(request, info), "dryRun" in request.query)

    def render(self) -> bytes:
        """All figures in Prometheus' text format."""
        return generate_latest(self._registry)

    def _what(self, request: web.BaseRequest, info: RequestInfo | None) -> tuple[str, ...]:
        if info is None or not self._is_known(info):
            method = request.method if request.method in _METHODS else "other"
            return (method, "", "", "", "", "", _COMPONENT)
        subresource = info.subresource if info.subresource in self._subresources else ""
        verb = _VERBS.get(info.verb, "other")
        if subresource in _CONNECTS:
            verb = "CONNECT"
        elif verb == "LIST" and request.query.get("watch") in ("1", "true", "True"):
            verb = "WATCH"
        scope = "resource" if info.name else "namespace" if info.namespace else "cluster"
        return (
            verb, info.group, info.version, info.resource, subresource, scope, _COMPONENT,
        )  # fmt: skip

    def _is_known(self, info: RequestInfo) -> bool:
        try:
            self._dispatcher.registry.resources.by_path(info.group, info.version, info.resource)
        except StatusError:
            return False
        return True

    @property
    def _subresources(self) -> set[str]:
        streams = {subresource for _, subresource in self._dispatcher.streams}
        return {"status", "scale", "binding", "eviction", "finalize", "token", *streams}


@dataclass(slots=True)
class Serving:
    """One request that is being served."""

    metrics: Metrics
    what: tuple[str, ...]
    is_dry_run: bool
    clock: Callable[[], float] = time.monotonic
    began: float = 0.0

    def __post_init__(self) -> None:
        self.began = self.clock()
        self._gauge().inc()

    def end(self, code: int) -> None:
        """It was answered, or broken off."""
        self._gauge().dec()
        dry_run = "All" if self.is_dry_run else ""
        self.metrics.requests.labels(*self.what, str(code), dry_run).inc()
        if self.what[0] not in _LONG:
            self.metrics.durations.labels(*self.what).observe(self.clock() - self.began)

    def _gauge(self) -> Gauge:
        verb = self.what[0]
        if verb in _LONG:
            return self.metrics.running.labels(*self.what)
        return self.metrics.inflight.labels("readOnly" if verb in _READS else "mutating")
