"""All metrics of one node."""

from collections.abc import Callable
from functools import partial

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest

from nodeagent.agent import Agent
from nodeagent.metrics.datapath import DatapathCollector
from nodeagent.metrics.proxy import ProxyMetrics


def node_metrics(agent: Agent) -> Callable[[], bytes]:
    """Has the agent's doings counted from now on; gives what makes the text for Prometheus."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(DatapathCollector(agent))
    agent.on_applied = ProxyMetrics(registry).applied
    return partial(generate_latest, registry)
