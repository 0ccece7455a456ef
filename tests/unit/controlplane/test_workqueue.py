"""The queue of keys."""

import asyncio

import pytest

from controlplane.controllers.workqueue import WorkQueue


async def test_a_key_waits_once():
    queue = WorkQueue()
    queue.add("a")
    queue.add("a")
    assert await queue.get() == "a"
    assert len(queue) == 0


async def test_a_key_added_during_its_work_comes_again_afterwards():
    queue = WorkQueue()
    queue.add("a")
    key = await queue.get()
    queue.add("a")
    assert len(queue) == 0
    queue.done(key)
    assert await queue.get() == "a"


async def test_the_earliest_of_two_wishes_counts():
    queue = WorkQueue()
    queue.add_after("a", 3600)
    queue.add_after("a", 0)
    queue.add_after("a", 3600)
    async with asyncio.timeout(5):
        assert await queue.get() == "a"
    queue.close()


async def test_retries_wait_ever_longer_until_it_goes_well():
    queue = WorkQueue()
    delays = [queue.retry("a") for _ in range(20)]
    assert delays[:3] == [0.005, 0.01, 0.02]
    assert delays[-1] == 30
    queue.forget("a")
    assert queue.retry("a") == 0.005
    queue.close()


async def test_a_closed_queue_forgets_what_was_planned():
    queue = WorkQueue()
    queue.add_after("a", 0)
    queue.close()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await queue.get()
