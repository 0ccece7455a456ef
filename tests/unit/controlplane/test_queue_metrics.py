from prometheus_client import CollectorRegistry, generate_latest

from controlplane.controllers.durations import BOUNDS_S, Durations
from controlplane.controllers.queue_metrics import QueueMetrics
from controlplane.controllers.workqueue import WorkQueue
from tests.support.prometheus import samples, value


async def test_a_queue_as_client_go_tells_it():
    now = [0.0]
    queue = WorkQueue(clock=lambda: now[0])
    registry, metrics = CollectorRegistry(), QueueMetrics()
    registry.register(metrics)
    metrics.show("namespace", queue)
    queue.add("a")
    queue.add("a")
    queue.add("b")
    now[0] = 0.05
    key = await queue.get()
    now[0] = 2.05
    queue.done(key)
    queue.retry(key)
    queue.close()
    found = samples(generate_latest(registry))
    assert value(found, "workqueue_depth", name="namespace") == 1
    assert value(found, "workqueue_adds_total", name="namespace") == 2
    assert value(found, "workqueue_retries_total", name="namespace") == 1
    waited, worked = "workqueue_queue_duration_seconds", "workqueue_work_duration_seconds"
    assert value(found, f"{waited}_sum", name="namespace") == 0.05
    assert value(found, f"{waited}_bucket", name="namespace", le="0.01") == 0
    assert value(found, f"{waited}_bucket", name="namespace", le="0.1") == 1
    assert value(found, f"{worked}_bucket", name="namespace", le="+Inf") == 1
    assert round(value(found, f"{worked}_sum", name="namespace"), 6) == 2


def test_durations_are_cumulative():
    durations = Durations()
    for seconds in (0.0, 1.0, 1.1, 100.0):
        durations.add(seconds)
    buckets = dict(durations.buckets())
    assert len(buckets) == len(BOUNDS_S) + 1
    assert (buckets["1e-06"], buckets["1.0"], buckets["10.0"], buckets["+Inf"]) == (1, 2, 3, 4)
    assert durations.total_s == 102.1
