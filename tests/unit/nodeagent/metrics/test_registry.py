from netcore.model.change import Batch, Change
from netcore.model.service import Service
from nodeagent.agent import Agent
from nodeagent.datapath.fake.datapath import FakeDatapath
from nodeagent.metrics.registry import node_metrics
from tests.support.cluster import cluster
from tests.support.prometheus import samples, value


def make_agent():
    start = cluster()
    return Agent(start, FakeDatapath(start))


def test_a_node_has_metrics_of_its_own():
    agent, other = make_agent(), make_agent()
    metrics, others = node_metrics(agent), node_metrics(other)
    agent.receive(Batch("e", 1, (Change(Service("d", "web")),), synced=True))
    name = "kubeproxy_sync_proxy_rules_duration_seconds_count"
    assert value(samples(metrics()), name) == 1
    assert value(samples(others()), name) == 0
    assert value(samples(metrics()), "process_resident_memory_bytes") > 0
