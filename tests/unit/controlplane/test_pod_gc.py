"""Pods whose node is gone for good."""

import asyncio
import contextlib

from controlplane.api.strategies.registry import strategies
from controlplane.controllers.informer import Informers
from controlplane.controllers.pod_gc import PodGarbageCollector
from tests.unit.controlplane.support import make_client


def bound(name, node):
    return {
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"nodeName": node, "containers": [{"name": "c", "image": "i"}]},
    }


async def test_pods_of_missing_nodes_go_others_stay():
    client = await make_client(strategies())
    for name in ("n1", "n2"):
        await client.create("nodes", {"metadata": {"name": name}})
        await client.create("pods", bound(f"on-{name}", name))
    informers = Informers(client)
    collector = PodGarbageCollector(client, informers, quarantine_s=0)
    tasks = [asyncio.ensure_future(informer.run()) for informer in informers]
    for informer in informers:
        await informer.synced()
    tasks.append(asyncio.ensure_future(collector.run()))
    _, revision = await client.list("pods")
    await client.delete("nodes", "n1")
    async with asyncio.timeout(5):
        async for kind, obj in client.watch("pods", None, revision):
            if kind == "DELETED":
                assert obj["metadata"]["name"] == "on-n1"
                break
    left, _ = await client.list("pods")
    assert [p["metadata"]["name"] for p in left] == ["on-n2"]
    for task in tasks:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
