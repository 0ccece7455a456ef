import asyncio
from types import SimpleNamespace

import pytest

from nodeagent.main import _work
from nodeagent.metrics.page import MetricsPage
from tests.support.cluster import cluster


class Runtime:
    """Tells how processes end only while it is served."""

    def __init__(self):
        self.is_served = False

    async def run(self):
        self.is_served = True
        try:
            await asyncio.Event().wait()
        finally:
            self.is_served = False


class Kubelet:
    def __init__(self, runtime):
        self._runtime = runtime
        self.pods_ended = False
        self.started = asyncio.Event()

    async def run(self):
        self.started.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            self.pods_ended = self._runtime.is_served

    async def shutdown(self, grace_s):
        pass

    def sync(self, *_):
        pass


class Client:
    async def watch(self, position):
        await asyncio.Event().wait()
        yield

    async def deliver(self):
        await asyncio.Event().wait()

    async def heartbeat(self, *_):
        await asyncio.Event().wait()


def agent(keep_applied):
    return SimpleNamespace(
        snapshot=cluster(),
        keep_applied=keep_applied,
        readiness=(True, ""),
        applied_revision=1,
        position=("", 0),
        became_ready=asyncio.Event(),
    )


PAGE = MetricsPage(bytes, ())


def work(keep_applied, runtime, kubelet, stopping):
    membership = SimpleNamespace(heartbeat_interval_s=10.0)
    return _work(agent(keep_applied), kubelet, Client(), membership, runtime, stopping, PAGE)


async def test_a_part_that_fails_ends_the_agent_and_its_pods_with_it():
    async def fail():
        await asyncio.sleep(0)
        raise ZeroDivisionError

    runtime = Runtime()
    kubelet = Kubelet(runtime)
    with pytest.raises(ExceptionGroup) as caught:
        async with asyncio.timeout(10):
            await work(fail, runtime, kubelet, asyncio.Event())
    assert caught.group_contains(ZeroDivisionError)
    assert kubelet.pods_ended
    assert not runtime.is_served


async def test_it_ends_when_told():
    runtime = Runtime()
    kubelet = Kubelet(runtime)
    stopping = asyncio.Event()
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        tasks.create_task(work(asyncio.Event().wait, runtime, kubelet, stopping))
        await kubelet.started.wait()
        stopping.set()
    assert kubelet.pods_ended
