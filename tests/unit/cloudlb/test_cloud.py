"""The cloud follows the state; its edges are fakes."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from cloudlb import cloud as module
from cloudlb.cloud import Cloud
from cloudlb.pool import parse_pool
from cloudlb.state import CloudState
from netcore.model.address import packed
from netcore.model.change import Batch, Change
from netcore.model.errors import DatapathError
from tests.unit.cloudlb.objects import ingress, ips, node, rule, service


class FakePlace:
    """`before` is called each time that something is settled."""

    own = ips("172.18.0.5")

    def __init__(self):
        self.plans = []
        self.service_cidrs = None
        self.before = lambda: None

    async def settle(self, plan, service_cidrs):
        self.before()
        self.plans.append(plan)
        self.service_cidrs = tuple(service_cidrs)


class FakeForwarder:
    def use(self, frontends, nodes, silent):
        self.used = frontends, nodes, silent


class Waiting:
    """`until` waits for what comes into a list."""

    def __init__(self):
        self._list = []
        self._came = asyncio.Event()

    async def until(self, accept):
        async with asyncio.timeout(5):
            while not accept(self._list):
                self._came.clear()
                await self._came.wait()


class FakeListeners(Waiting):
    def __init__(self):
        super().__init__()
        self.served = self._list
        self.serves = True

    async def use(self, choices):
        self.served.append(set(choices))
        self._came.set()
        return self.serves


class FakeReports(Waiting):
    """What is told, in order."""

    def __init__(self):
        super().__init__()
        self.told = self._list

    def status(self, subject, addresses, ip_mode):
        self.told.append((subject.name, " ".join(map(str, addresses)), ip_mode))
        self._came.set()

    def event(self, subject, reason, message, type_="Normal"):
        self.told.append((subject.name, type_, reason, message))
        self._came.set()

    def statuses(self):
        return [each for each in self.told if len(each) == 3]

    def reasons(self):
        return [each[2] for each in self.told if len(each) == 4]


class World:
    """A cloud with a state that a test feeds."""

    def __init__(self):
        self.state, self.place = CloudState(), FakePlace()
        self.forwarder, self.listeners = FakeForwarder(), FakeListeners()
        self.reports = FakeReports()
        self.cloud = Cloud(
            self.state,
            parse_pool("172.18.255.1-172.18.255.2"),
            self.place,
            self.forwarder,
            self.listeners,
            self.reports,
        )
        self._revision = 0

    def feed(self, *objects, deleted=()):
        self._revision += 1
        changes = (*map(Change, objects), *(Change(each, deleted=True) for each in deleted))
        self.state.apply(
            Batch("e", self._revision, changes, reset=self._revision == 1, synced=True)
        )

    async def statuses(self, count):
        await self.reports.until(lambda told: len(self.reports.statuses()) >= count)
        return self.reports.statuses()


@asynccontextmanager
async def running():
    world = World()
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(world.cloud.run())
        yield world
        task.cancel()


async def test_a_service_gets_its_address_and_events():
    async with running() as world:
        world.feed(node(1), service())
        assert await world.statuses(1) == [("web", "172.18.255.1", "VIP")]
        assert world.reports.reasons() == ["EnsuringLoadBalancer", "EnsuredLoadBalancer"]
        frontends, nodes, silent = world.forwarder.used
        assert set(frontends) == {(packed("172.18.255.1"), 6, 80)}
        assert nodes == {packed("172.18.0.11")}
        assert silent == {packed("172.18.0.5")}
        world.feed(node(2), service(has=["172.18.255.1"]), service("app", kind="application"))
        assert await world.statuses(2) == [
            ("web", "172.18.255.1", "VIP"),
            ("app", "172.18.255.2", "Proxy"),
        ]


async def test_after_a_restart_what_stands_in_the_status_is_no_news():
    async with running() as world:
        world.feed(service(has=["172.18.255.2"]))
        assert await world.statuses(1) == [("web", "172.18.255.2", "VIP")]
        assert world.reports.reasons() == []


async def test_who_is_no_longer_of_the_type_loses_its_status():
    async with running() as world:
        world.feed(service(type="ClusterIP", has=["172.18.255.2"]), service("b"))
        statuses = await world.statuses(2)
        assert sorted(statuses) == [("b", "172.18.255.1", "VIP"), ("web", "", "")]


async def test_a_problem_is_told_once_and_again_when_it_is_another():
    async with running() as world:
        world.feed(service(requested="10.9.9.9"))
        assert await world.statuses(1) == [("web", "", "VIP")]
        world.feed(service(requested="10.9.9.9"), service("b"))
        await world.statuses(2)
        assert world.reports.reasons().count("SyncLoadBalancerFailed") == 1
        name, type_, _, text = world.reports.told[0]
        assert (name, type_) == ("web", "Warning")
        assert text.startswith("Error syncing load balancer: failed to ensure load balancer: ")
        assert "10.9.9.9 is not in the pool" in text
        world.feed(service(requested="10.8.8.8"), service("c"))
        await world.statuses(3)
        assert world.reports.reasons().count("SyncLoadBalancerFailed") == 2


async def test_ingresses_have_one_address_together():
    async with running() as world:
        world.feed(
            service(type="NodePort", load_balancer=None),
            ingress("one", [rule("h", "/", "web")]),
            ingress("two"),
            ingress("other", class_name="nginx"),
        )
        statuses = await world.statuses(2)
        assert sorted(statuses) == [("one", "172.18.255.1", ""), ("two", "172.18.255.1", "")]
        assert world.listeners.served[-1] == {(ips("172.18.255.1")[0], 80)}


async def test_the_state_may_change_while_it_is_followed():
    async with running() as world:
        site = ingress()

        def once():
            world.place.before = lambda: None
            world.feed(deleted=[service(), service("b"), site])

        world.place.before = once
        world.feed(service(), service("b"), site)
        await world.statuses(3)
        world.feed(service("c"))
        await world.reports.until(lambda told: ("c", "172.18.255.1", "VIP") in told)


async def test_another_object_of_the_same_name_is_told_anew():
    async with running() as world:
        world.feed(service())
        await world.statuses(1)
        world.feed(replace(service(), uid="another"))
        assert await world.statuses(2) == [("web", "172.18.255.1", "VIP")] * 2


async def test_what_fails_is_tried_again(monkeypatch, caplog):
    monkeypatch.setattr(module, "_RETRY_S", 0.01)
    failures = 3

    def fail():
        if len(world.place.plans) == 0 and len(caplog.messages) < failures:
            raise DatapathError("route through", "eth0", "no")

    async with running() as world:
        world.place.before = fail
        world.feed(service())
        assert await world.statuses(1) == [("web", "172.18.255.1", "VIP")]
        assert len(caplog.messages) == failures


async def test_a_listener_that_cannot_be_is_tried_again_and_then_there_is_peace(monkeypatch):
    monkeypatch.setattr(module, "_RETRY_S", 0.001)
    async with running() as world:
        world.listeners.serves = False
        world.feed(service(kind="application"))
        await world.statuses(1)
        await world.listeners.until(lambda served: len(served) >= 3)
        world.listeners.serves = True
        world.feed(service("b"))
        await world.statuses(2)
        count = len(world.listeners.served)
        await asyncio.sleep(0.02)
        assert len(world.listeners.served) == count


async def test_a_node_that_becomes_healthy_is_used_at_once():
    async with running() as world:
        world.feed(node(1), service())
        await world.statuses(1)
        (check,) = world.place.plans[-1].checks
        world.cloud.health._failures[check] = 0
        world.state.changed.set()
        await world.listeners.until(lambda served: len(served) >= 2)
        (frontend,) = world.forwarder.used[0].values()
        assert frontend.targets == (packed("172.18.0.11"),)


@pytest.mark.parametrize("is_synced", [True, False])
async def test_nothing_is_done_before_the_picture_is_whole(is_synced):
    async with running() as world:
        world.state.apply(Batch("e", 1, (Change(service()),), reset=True, synced=is_synced))
        world.state.changed.set()
        for _ in range(10):
            await asyncio.sleep(0)
        assert bool(world.place.plans) is is_synced
