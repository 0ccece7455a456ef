"""What a node's kube-proxy tells: how long rules take, and how late they are.

Source: Kubernetes pkg/proxy/metrics/metrics.go.
"""

import time
from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from netcore.model.change import Batch
from netcore.model.endpoint import EndpointSlice
from netcore.model.service import Service

_SYNC_BUCKETS = tuple(0.001 * 2**power for power in range(15))
_LATENCY_BUCKETS = (0.25, 0.5, *range(1, 60), *range(60, 120, 5), *range(120, 330, 30))
_NS = 1_000_000_000


class ProxyMetrics:
    """`applied` is to be told of every batch that the datapath took."""

    def __init__(self, registry: CollectorRegistry, clock: Callable[[], float] = time.time) -> None:
        """`clock` gives Unix time in seconds."""
        self._clock = clock
        self._began = clock()
        self._sync = Histogram(
            "kubeproxy_sync_proxy_rules_duration_seconds",
            "SyncProxyRules latency in seconds",
            buckets=_SYNC_BUCKETS,
            registry=registry,
        )
        self._latency = Histogram(
            "kubeproxy_network_programming_duration_seconds",
            "In Cluster Network Programming Latency in seconds",
            buckets=_LATENCY_BUCKETS,
            registry=registry,
        )
        self._last = Gauge(
            "kubeproxy_sync_proxy_rules_last_timestamp_seconds",
            "The last time proxy rules were successfully synced",
            registry=registry,
        )
        self._endpoint_changes = Counter(
            "kubeproxy_sync_proxy_rules_endpoint_changes",
            "Cumulative proxy rules Endpoint changes",
            registry=registry,
        )
        self._service_changes = Counter(
            "kubeproxy_sync_proxy_rules_service_changes",
            "Cumulative proxy rules Service changes",
            registry=registry,
        )

    def applied(self, batch: Batch, seconds: float) -> None:
        """The datapath decides by this batch now; to take it took so long."""
        slices = [c.object for c in batch.changes if isinstance(c.object, EndpointSlice)]
        services = sum(isinstance(change.object, Service) for change in batch.changes)
        if not slices and not services:
            return
        self._sync.observe(seconds)
        self._last.set(self._clock())
        self._endpoint_changes.inc(len(slices))
        self._service_changes.inc(services)
        self._tell_latencies(slices)

    def _tell_latencies(self, slices: Iterable[EndpointSlice]) -> None:
        """Of what changed since the node began: what is older was there before it."""
        for each in slices:
            changed_at = each.last_change_ns / _NS
            if changed_at > self._began:
                self._latency.observe(max(0.0, self._clock() - changed_at))
