"""Nodes are asked on loopback."""

import asyncio
from contextlib import asynccontextmanager
from ipaddress import ip_address

import pytest
from aiohttp import web

from cloudlb import health
from cloudlb.health import Check, HealthChecker
from tests.unit.cloudlb.application.support import LOOPBACK, free_port
from tests.unit.cloudlb.objects import ips


class Checked:
    """A checker at work; `until` waits for a change of its answers."""

    def __init__(self, sources=()):
        self.changes = 0
        self._changed = asyncio.Event()
        self.checker = HealthChecker(self._note, sources)

    def _note(self):
        self.changes += 1
        self._changed.set()

    async def until(self, accept):
        async with asyncio.timeout(10):
            while not accept():
                self._changed.clear()
                await self._changed.wait()

    @asynccontextmanager
    async def running(self):
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(self.checker.run())
            yield self
            task.cancel()


@asynccontextmanager
async def page(answer, address="127.0.0.1"):
    """A node's page: `answer` gives the status."""
    asked = []

    async def handle(request):
        asked.append((request.method, request.path, request.remote))
        status = answer(len(asked))
        headers = {"Location": "/other"} if status == 302 else {}
        return web.Response(status=status if request.path == "/healthz" else 200, headers=headers)

    runner = web.ServerRunner(web.Server(handle))
    await runner.setup()
    site = web.TCPSite(runner, address, 0)
    await site.start()
    try:
        yield site._server.sockets[0].getsockname()[1], asked
    finally:
        await runner.cleanup()


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    monkeypatch.setattr(health, "INTERVAL_S", 0.01)


def test_urls():
    assert Check(LOOPBACK, 10256).url == "http://127.0.0.1:10256/healthz"
    assert Check(ip_address("fd00::1"), 1).url == "http://[fd00::1]:1/healthz"


async def test_a_node_becomes_healthy_and_after_two_failures_no_longer_is():
    made = Checked()
    statuses = {1: 200, 2: 503, 3: 200, 4: 503, 5: 503}
    seen = []
    async with page(lambda n: statuses.get(n, 503)) as (port, asked):
        check = Check(LOOPBACK, port)
        assert not made.checker.is_healthy(check)
        made.checker.use([check])
        async with made.running():
            await made.until(lambda: made.checker.is_healthy(check))
            seen.append(len(asked))
            await made.until(lambda: not made.checker.is_healthy(check))
            seen.append(len(asked))
    assert seen == [1, 5]
    assert made.changes == 2
    assert asked[0] == ("GET", "/healthz", "127.0.0.1")


async def test_a_redirect_is_no_answer_and_nobody_home_neither(caplog):
    made = Checked()
    async with page(lambda n: 302) as (port, asked), page(lambda n: 200) as (good, _):
        bad, gone = Check(LOOPBACK, port), Check(LOOPBACK, free_port())
        made.checker.use([bad, gone, Check(LOOPBACK, good)])
        async with made.running():
            await made.until(lambda: made.checker.is_healthy(Check(LOOPBACK, good)))
    assert not made.checker.is_healthy(bad)
    assert not made.checker.is_healthy(gone)
    assert {path for _, path, _ in asked} == {"/healthz"}


async def test_new_ones_are_asked_at_once_and_old_ones_no_longer(monkeypatch):
    monkeypatch.setattr(health, "INTERVAL_S", 3600)
    made = Checked()
    async with page(lambda n: 200) as (one, asked), page(lambda n: 200) as (two, _):
        first, second = Check(LOOPBACK, one), Check(LOOPBACK, two)
        made.checker.use([first])
        async with made.running():
            await made.until(lambda: made.checker.is_healthy(first))
            before = len(asked)
            made.checker.use([second])
            assert not made.checker.is_healthy(first)
            await made.until(lambda: made.checker.is_healthy(second))
    assert len(asked) == before


async def test_a_source_of_each_family():
    made = Checked(ips("127.0.0.9", "::1"))
    async with page(lambda n: 200) as (four, asked), page(lambda n: 200, "::1") as (six, _):
        checks = Check(LOOPBACK, four), Check(ip_address("::1"), six)
        made.checker.use(checks)
        async with made.running():
            await made.until(lambda: all(map(made.checker.is_healthy, checks)))
    assert asked[0][2] == "127.0.0.9"
