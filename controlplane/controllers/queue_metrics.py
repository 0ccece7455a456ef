"""The controllers' queues for Prometheus, read when somebody asks.

Names are those of client-go's workqueue (util/workqueue/metrics.go, as
k8s.io/component-base/metrics/prometheus/workqueue registers them).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from prometheus_client.metrics_core import Metric

    from controlplane.controllers.workqueue import WorkQueue


class QueueMetrics(Collector):
    """Of the queues that it was shown, each by the name of its controller."""

    def __init__(self) -> None:
        self._queues: dict[str, WorkQueue[Any]] = {}

    def show(self, name: str, queue: WorkQueue[Any]) -> None:
        """Tell of this queue, too."""
        self._queues[name] = queue

    def describe(self) -> Iterable[Metric]:
        """Nothing: queues come later."""
        return ()

    def collect(self) -> Iterator[Metric]:
        depth = GaugeMetricFamily("workqueue_depth", "Current depth of workqueue", labels=["name"])
        adds = CounterMetricFamily(
            "workqueue_adds", "Total number of adds handled by workqueue", labels=["name"]
        )
        retries = CounterMetricFamily(
            "workqueue_retries", "Total number of retries handled by workqueue", labels=["name"]
        )
        waited = HistogramMetricFamily(
            "workqueue_queue_duration_seconds",
            "How long in seconds an item stays in workqueue before being requested.",
            labels=["name"],
        )
        worked = HistogramMetricFamily(
            "workqueue_work_duration_seconds",
            "How long in seconds processing an item from workqueue takes.",
            labels=["name"],
        )
        for name, queue in self._queues.items():
            depth.add_metric([name], len(queue))
            adds.add_metric([name], queue.adds)
            retries.add_metric([name], queue.retries)
            waited.add_metric([name], queue.waited.buckets(), queue.waited.total_s)
            worked.add_metric([name], queue.worked.buckets(), queue.worked.total_s)
        yield from (depth, adds, retries, waited, worked)
