"""A registry on a memory store, with a namespace to work in."""

from datetime import UTC, datetime, timedelta

from controlplane.api.catalog import RESOURCES
from controlplane.api.client import Client
from controlplane.api.registry import Registry
from controlplane.config import ClusterSettings
from controlplane.store.memory import MemoryStore


class Clock:
    """A clock that a test moves."""

    def __init__(self):
        self.now = datetime(2030, 1, 1, tzinfo=UTC)

    def __call__(self):
        return self.now

    def advance(self, seconds):
        self.now += timedelta(seconds=seconds)


async def make_client(strategies=None, clock=None, store=None):
    """A client whose namespace `default` exists."""
    registry = Registry(
        store or MemoryStore(), RESOURCES, ClusterSettings(), strategies, now=clock or Clock()
    )
    client = Client(registry)
    await client.create("namespaces", {"metadata": {"name": "default"}})
    return client


def config_map(name="cm", namespace="default", **metadata):
    return {
        "metadata": {"name": name, "namespace": namespace, **metadata},
        "data": {"key": "value"},
    }


def deployment(name="web", namespace="default", replicas=1, labels=None):
    labels = labels or {"app": name}
    return {
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "c", "image": "nginx"}]},
            },
        },
    }
