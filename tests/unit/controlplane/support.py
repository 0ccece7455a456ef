"""A registry on a memory store, with a namespace to work in."""

import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from aiohttp import ClientSession

from controlplane.api.catalog import RESOURCES
from controlplane.api.client import Client
from controlplane.api.http.dispatch import Dispatcher
from controlplane.api.registry import Registry
from controlplane.api.server import ApiServer
from controlplane.api.tracking import track_fields
from controlplane.config import ClusterSettings
from controlplane.listening import listen
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
        store or MemoryStore(),
        RESOURCES,
        ClusterSettings(),
        strategies,
        now=clock or Clock(),
        track_fields=track_fields,
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


@asynccontextmanager
async def serving(client, **dispatcher):
    """An HTTP session with the API of this client, on loopback, without TLS."""
    server = ApiServer(Dispatcher(client.registry, "test", **dispatcher), None)
    listener = listen("127.0.0.1:0", "--api-listen")
    await server.start([listener], None)
    host, port = listener.getsockname()
    try:
        async with ClientSession(f"http://{host}:{port}") as session:
            yield session
    finally:
        client.registry.store.end_watches()
        await server.stop()


async def json_of(response):
    """The body as JSON, whatever its content type says."""
    return json.loads(await response.read())


def job(name="job", namespace="default", **spec):
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}}
    return {
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"template": template, **spec},
    }


def cron_job(schedule="* * * * *", name="cron", namespace="default", **spec):
    template = {"spec": job()["spec"]}
    return {
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"schedule": schedule, "jobTemplate": template, **spec},
    }
