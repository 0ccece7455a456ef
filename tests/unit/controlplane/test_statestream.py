"""Snapshots, deltas, resumption: on the memory store, without gRPC."""

import asyncio

import pytest

from controlplane.config import ClusterSettings
from controlplane.rpc.netstate import cluster_config
from controlplane.rpc.statestream import StateStream, state_changes
from controlplane.store.base import Event, Stored
from controlplane.store.errors import Expired
from controlplane.store.memory import MemoryStore
from netcore.model.change import BARRIER
from netcore.model.config import ClusterConfig
from tests.unit.controlplane.objects import pod, service

SERVICES = "/registry/core/services/"
PODS = "/registry/core/pods/"
NAMESPACES = "/registry/core/namespaces/"


def stream(store, *prefixes, node=""):
    return StateStream(store, cluster_config(ClusterSettings()), frozenset(prefixes), node)


def shown(batch):
    return [
        (type(c.object).__name__, c.object.name, c.deleted)
        for c in batch.changes
        if not isinstance(c.object, ClusterConfig)
    ]


async def put(store, prefix, obj):
    about = obj["metadata"]
    key = f"{prefix}{about['namespace']}/{about['name']}"
    if await store.get(key) is None:
        return await store.create(key, obj)
    return await store.update(key, obj, None)


async def test_a_snapshot_has_only_what_was_asked_for():
    store = MemoryStore()
    await put(store, SERVICES, service("a"))
    await put(store, PODS, pod("p"))
    batches = stream(store, SERVICES).batches("", 0)
    first = await anext(batches)
    assert (first.reset, first.synced, first.revision, first.epoch) == (True, True, 2, store.epoch)
    assert isinstance(first.changes[0].object, ClusterConfig)
    assert shown(first) == [("Service", "a", False)]
    await batches.aclose()


async def test_writes_in_one_go_are_one_batch_with_the_latest_of_each():
    store = MemoryStore()
    batches = stream(store, SERVICES).batches("", 0)
    await anext(batches)
    await anext(batches)
    await put(store, SERVICES, service("a"))
    await put(store, SERVICES, service("a", ports=[{"port": 81}]))
    await put(store, SERVICES, service("b"))
    await store.delete(SERVICES + "default/b")
    batch = await anext(batches)
    assert shown(batch) == [("Service", "a", False), ("Service", "b", True)]
    assert batch.changes[0].object.ports[0].port == 81
    assert (batch.revision, batch.synced, batch.reset) == (4, True, False)
    await batches.aclose()


async def test_a_place_in_the_history_is_resumed():
    store = MemoryStore()
    await put(store, SERVICES, service("a"))
    await put(store, SERVICES, service("b"))
    batches = stream(store, SERVICES).batches(store.epoch, 1)
    first = await anext(batches)
    assert (first.reset, first.synced, shown(first)) == (False, False, [])
    second = await anext(batches)
    assert (shown(second), second.synced) == ([("Service", "b", False)], True)
    await batches.aclose()


async def test_a_resumed_watcher_hears_that_nothing_happened():
    store = MemoryStore()
    await put(store, SERVICES, service("a"))
    batches = stream(store, SERVICES).batches(store.epoch, 1)
    await anext(batches)
    async with asyncio.timeout(5):
        second = await anext(batches)
    assert (second.synced, second.changes, second.revision) == (True, (), 1)
    await batches.aclose()


async def test_a_forgotten_place_is_a_snapshot():
    store = MemoryStore(history_capacity=2)
    for number in range(5):
        await put(store, SERVICES, service(f"s{number}"))
    batches = stream(store, SERVICES).batches(store.epoch, 1)
    assert (await anext(batches)).reset
    await batches.aclose()


async def test_a_slow_reader_loses_its_place():
    store = MemoryStore(history_capacity=2)
    batches = stream(store, SERVICES).batches("", 0)
    await anext(batches)
    await anext(batches)
    for number in range(5):
        await put(store, SERVICES, service(f"s{number}"))
    with pytest.raises(Expired):
        await anext(batches)


async def test_a_quiet_watcher_is_told_where_it_stands():
    store = MemoryStore()
    batches = stream(store, SERVICES).batches("", 0)
    await anext(batches)
    await anext(batches)
    for _ in range(300):
        await put(store, PODS, pod("p"))
    batch = await anext(batches)
    assert (batch.revision, batch.changes, batch.synced) == (300, (), True)
    await batches.aclose()


async def test_a_barrier_is_told_without_any_change():
    store = MemoryStore()
    batches = stream(store, SERVICES).batches("", 0)
    await anext(batches)
    await anext(batches)
    await put(store, PODS, pod("p"))
    namespace, name = BARRIER
    lease = {"metadata": {"namespace": namespace, "name": name}}
    await put(store, "/registry/coordination.k8s.io/leases/", lease)
    async with asyncio.timeout(5):
        batch = await anext(batches)
    assert (batch.revision, batch.changes, batch.synced) == (2, (), True)
    await batches.aclose()


async def test_a_resumed_node_gets_its_pods_again():
    store = MemoryStore()
    await put(store, PODS, pod("p", "n1"))
    await put(store, PODS, pod("q", "n2"))
    batches = stream(store, node="n1").batches(store.epoch, 2)
    assert shown(await anext(batches)) == [("Manifest", "p", False)]
    await batches.aclose()


def event(before, after):
    def stored(obj):
        return Stored("/k", 2, obj) if obj else None

    kind = "MODIFIED" if before and after else "ADDED" if after else "DELETED"
    return Event(kind, stored(after or before), stored(before))


def test_what_looks_the_same_is_no_change():
    relabelled = pod()
    relabelled["status"]["conditions"] = []
    assert state_changes(PODS, event(pod(), relabelled)) == []


@pytest.mark.parametrize(
    ("before", "after", "deleted"),
    [
        (None, pod(), [False]),
        (pod(), pod(ip="10.0.0.9"), [False]),
        (pod(), pod(phase="Succeeded"), [True]),
        (pod(), None, [True]),
        (None, pod(ip=""), []),
        (pod(ip=""), pod(phase="Failed"), []),
        (pod(phase="Failed"), None, []),
    ],
)
def test_pods_come_and_go(before, after, deleted):
    changes = state_changes(PODS, event(before, after))
    assert [change.deleted for change in changes] == deleted
