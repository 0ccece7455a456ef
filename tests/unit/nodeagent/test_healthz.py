"""The health pages, asked over HTTP on loopback."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from netcore.model.change import Batch, Change
from nodeagent.agent import Agent
from nodeagent.datapath.fake.datapath import FakeDatapath
from nodeagent.healthz import ProxyHealth
from tests.support.cluster import WEB_PODS, batch, cluster, service, slice_of
from tests.support.pods import eventually


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody has now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def local_service(port: int):
    return service("web", 50, external_traffic_policy="Local", health_check_node_port=port)


@pytest.fixture
def agent() -> Agent:
    start = cluster()
    made = Agent(start, FakeDatapath(start))
    made.receive(batch(revision=2, synced=True))
    return made


@asynccontextmanager
async def serving(agent: Agent, port: int) -> AsyncIterator[ProxyHealth]:
    health = ProxyHealth(agent, ("127.0.0.1",), port)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(health.serve())
        await eventually(lambda: is_open(port))
        yield health
        task.cancel()


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def get(port: int, path: str = "/healthz") -> tuple[int, dict, dict]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}{path}") as response,
    ):
        text = await response.text()
        is_json = response.content_type == "application/json"
        return response.status, json.loads(text) if is_json else {}, dict(response.headers)


async def test_healthz_of_the_proxy(agent):
    (port,) = free_ports(1)
    async with serving(agent, port):
        status, body, _ = await get(port)
        assert (status, body["nodeEligible"]) == (200, True)
        assert body["currentTime"].endswith(" +0000 UTC")
        assert (await get(port, "/other"))[0] == 404
    assert not is_open(port)


async def test_a_node_that_has_no_state_yet_is_not_healthy():
    (port,) = free_ports(1)
    start = cluster()
    async with serving(Agent(start, FakeDatapath(start)), port):
        assert (await get(port))[0] == 503


async def test_a_service_says_how_many_endpoints_are_here(agent):
    port, own = free_ports(2)
    async with serving(agent, port) as health:
        agent.receive(batch(local_service(own), revision=3))
        health.update()
        await eventually(lambda: is_open(own))
        status, body, headers = await get(own, "/")
        assert (status, body) == (
            200,
            {
                "service": {"namespace": "default", "name": "web"},
                "localEndpoints": 1,
                "serviceProxyHealthy": True,
            },
        )
        assert headers["X-Load-Balancing-Endpoint-Weight"] == "1"
        agent.receive(batch(slice_of("web", 4, WEB_PODS[1:]), slice_of("web", 6, ()), revision=4))
        status, body, headers = await get(own, "/")
        assert (status, body["localEndpoints"]) == (503, 0)
        agent.receive(Batch("epoch", 5, (Change(local_service(own), deleted=True),)))
        health.update()
        await eventually(lambda: not is_open(own))


async def test_a_port_that_is_taken_is_said_and_tried_again(agent, caplog, monkeypatch):
    monkeypatch.setattr("nodeagent.healthz._RETRY_S", 0.01)
    port, own = free_ports(2)
    async with serving(agent, port) as health:
        with socket.create_server(("127.0.0.1", own)):
            agent.receive(batch(local_service(own), revision=3))
            health.update()
            await eventually(lambda: f"port {own}" in caplog.text)
        await eventually(lambda: is_open(own))
    assert caplog.text.count(f"port {own}") == 1
