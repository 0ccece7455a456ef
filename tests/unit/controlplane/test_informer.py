"""Caches that follow the API."""

import asyncio
import contextlib

from controlplane.controllers.informer import Informers
from controlplane.store.memory import MemoryStore
from tests.unit.controlplane.support import config_map, make_client


async def following(client, count):
    """An informer, its news so far, and a way to wait for more."""
    news, arrived = [], asyncio.Event()
    informer = Informers(client).of("configmaps")

    def note(old, new):
        news.append((old and old["data"]["key"], new and new["data"]["key"]))
        arrived.set()

    informer.subscribe(note)
    task = asyncio.ensure_future(informer.run())
    await informer.synced()

    async def until(number):
        async with asyncio.timeout(5):
            while len(news) < number:
                arrived.clear()
                await arrived.wait()

    await until(count)
    return informer, news, until, task


async def test_news_come_with_what_was_before():
    client = await make_client()
    await client.create("configmaps", config_map("a"))
    informer, news, until, task = await following(client, 1)
    assert informer.get("default", "a")["data"] == {"key": "value"}
    await client.patch("configmaps", "a", lambda c: c["data"].update(key="2"), "default")
    await client.delete("configmaps", "a", "default")
    await until(3)
    assert news == [(None, "value"), ("value", "2"), ("2", None)]
    assert list(informer) == informer.in_namespace("default") == []
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_a_lost_history_is_made_up_for_by_a_new_listing():
    client = await make_client(store=MemoryStore(history_capacity=4))
    await client.create("configmaps", config_map("gone"))
    _, news, until, task = await following(client, 1)
    store = client.registry.store
    key = "/registry/core/configmaps/default/"
    # No write below waits for anything, so the informer cannot follow one by one.
    await store.delete(key + "gone")
    for number in range(8):
        obj = {**config_map(f"c{number}"), "apiVersion": "v1", "kind": "ConfigMap"}
        await store.create(f"{key}c{number}", obj)
    await until(10)
    assert news[1] == ("value", None)
    assert len(news) == 10
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
