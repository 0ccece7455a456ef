"""The index of objects by a label."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from controlplane.api.catalog import RESOURCES
from controlplane.api.client import Client
from controlplane.api.registry import Registry
from controlplane.api.strategies.registry import strategies
from controlplane.config import ClusterSettings
from controlplane.controllers.informer import Informers
from controlplane.controllers.label_index import LabelIndex
from controlplane.store.memory import MemoryStore


@pytest.fixture
async def client():
    made = Client(Registry(MemoryStore(), RESOURCES, ClusterSettings(), strategies()))
    await made.create("namespaces", {"metadata": {"name": "default"}})
    return made


def config_map(name, app=""):
    labels = {"app": app} if app else {}
    return {"metadata": {"name": name, "namespace": "default", "labels": labels}}


@asynccontextmanager
async def following(client):
    """The index, and a way to wait until its informer has heard of everything."""
    informers = Informers(client)
    index = LabelIndex(client, informers, "configmaps", "app")
    informer = informers.of("configmaps")
    heard = asyncio.Event()
    informer.subscribe(lambda _old, _new: heard.set())

    async def until(condition):
        async with asyncio.timeout(10):
            while not condition(informer):
                heard.clear()
                await heard.wait()

    async with asyncio.TaskGroup() as tasks:
        run = tasks.create_task(informer.run())
        await informer.synced()
        yield index, until
        run.cancel()


async def names(index, value):
    return [obj["metadata"]["name"] for obj in await index.list("default", value)]


async def test_what_is_there_comes_and_goes_is_known(client):
    await client.create("configmaps", config_map("b", "web"))
    await client.create("configmaps", config_map("plain"))
    async with following(client) as (index, until):
        assert await names(index, "web") == ["b"]
        await client.create("configmaps", config_map("a", "web"))
        await until(lambda seen: seen.get("default", "a"))
        assert await names(index, "web") == ["a", "b"]
        await client.delete("configmaps", "b", "default")
        assert await names(index, "web") == ["a"], "read as it is stored"
        await until(lambda seen: not seen.get("default", "b"))
        assert await names(index, "web") == ["a"]
        assert await names(index, "") == []


async def test_a_changed_label_moves_the_object(client):
    await client.create("configmaps", config_map("a", "web"))
    async with following(client) as (index, until):
        await client.update("configmaps", config_map("a", "shop"))
        assert await names(index, "web") == [], "also before the informer has heard of it"
        await until(lambda seen: seen.get("default", "a")["metadata"]["labels"]["app"] == "shop")
        assert (await names(index, "web"), await names(index, "shop")) == ([], ["a"])


async def test_own_writes_are_known_at_once(client):
    index = LabelIndex(client, Informers(client), "configmaps", "app")
    index.note(await client.create("configmaps", config_map("a", "web")))
    index.note(await client.create("configmaps", config_map("plain")))
    assert await names(index, "web") == ["a"]
