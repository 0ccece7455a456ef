import asyncio
import socket

import aiohttp
import pytest
from prometheus_client import CONTENT_TYPE_LATEST

from nodeagent.metrics.page import MetricsPage
from tests.support.pods import eventually

TEXT = b"# TYPE a counter\na_total 1.0\n"


@pytest.fixture
async def page():
    made = MetricsPage(lambda: TEXT, [("127.0.0.1", 0), ("127.0.0.2", 0)])
    serving = asyncio.create_task(made.serve())
    await eventually(lambda: len(made.ports) == 2)
    yield made
    serving.cancel()
    await asyncio.wait([serving])


async def test_at_every_address(page):
    async with aiohttp.ClientSession() as session:
        for host, port in zip(("127.0.0.1", "127.0.0.2"), page.ports, strict=True):
            async with session.get(f"http://{host}:{port}/metrics") as answer:
                assert (answer.status, await answer.read()) == (200, TEXT)
                assert answer.headers["Content-Type"] == CONTENT_TYPE_LATEST


async def test_nothing_else(page):
    async with aiohttp.ClientSession(f"http://127.0.0.1:{page.ports[0]}") as session:
        async with session.get("/") as answer:
            assert answer.status == 404
        async with session.post("/metrics") as answer:
            assert answer.status == 405


async def test_an_address_that_is_taken_is_had_when_it_is_free(monkeypatch, caplog):
    monkeypatch.setattr("nodeagent.metrics.page._RETRY_S", 0.01)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        made = MetricsPage(lambda: TEXT, [("127.0.0.1", port)])
        serving = asyncio.create_task(made.serve())
        await eventually(lambda: f"no metrics at 127.0.0.1 port {port}" in caplog.text)
    await eventually(lambda: made.ports == [port])
    assert caplog.text.count("no metrics at") == 1
    serving.cancel()
    await asyncio.wait([serving])
