import pytest
from prometheus_client import CollectorRegistry, generate_latest

from netcore.model.change import Batch, Change
from netcore.model.endpoint import EndpointSlice
from netcore.model.service import Service
from nodeagent.metrics.proxy import ProxyMetrics
from tests.support.prometheus import samples, value

SYNC = "kubeproxy_sync_proxy_rules_duration_seconds"
LATENCY = "kubeproxy_network_programming_duration_seconds"
NS = 1_000_000_000


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
def now():
    return [100.0]


@pytest.fixture
def proxy(registry, now):
    return ProxyMetrics(registry, clock=lambda: now[0])


def slice_(changed_at_s=0):
    return EndpointSlice("d", "web-1", "web", last_change_ns=changed_at_s * NS)


def batch(*objects):
    return Batch("e", 1, tuple(map(Change, objects)))


def test_a_sync_and_how_late_it_was(registry, proxy, now):
    now[0] = 105.0
    proxy.applied(batch(slice_(103), slice_(), Service("d", "web")), 0.003)
    found = samples(generate_latest(registry))
    assert value(found, f"{SYNC}_count") == 1
    assert value(found, f"{SYNC}_sum") == 0.003
    assert value(found, f"{SYNC}_bucket", le="0.002") == 0
    assert value(found, f"{SYNC}_bucket", le="0.004") == 1
    assert value(found, f"{LATENCY}_count") == 1
    assert value(found, f"{LATENCY}_sum") == 2
    assert value(found, "kubeproxy_sync_proxy_rules_last_timestamp_seconds") == 105
    assert value(found, "kubeproxy_sync_proxy_rules_endpoint_changes_total") == 2
    assert value(found, "kubeproxy_sync_proxy_rules_service_changes_total") == 1


def test_what_is_older_than_the_node_is_not_late(registry, proxy, now):
    now[0] = 500.0
    proxy.applied(batch(slice_(99)), 0.1)
    now[0] = 400.0  # a clock that was set back
    proxy.applied(batch(slice_(450)), 0.1)
    found = samples(generate_latest(registry))
    assert (value(found, f"{LATENCY}_count"), value(found, f"{LATENCY}_sum")) == (1, 0)


def test_other_changes_are_no_sync(registry, proxy):
    proxy.applied(batch(), 1.0)
    assert value(samples(generate_latest(registry)), f"{SYNC}_count") == 0
