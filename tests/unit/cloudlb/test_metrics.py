import asyncio
import socket
from collections import Counter
from types import SimpleNamespace

import aiohttp
import pytest
from prometheus_client import CollectorRegistry

from cloudlb.metrics import BalancerCollector, serve_metrics
from netcore.model.errors import ConfigError
from tests.support.prometheus import samples, value


@pytest.fixture
def registry():
    forwarder = SimpleNamespace(
        counters=Counter({"forwarded": 3, "drop no-listener": 1}), flows=2, frontends=4
    )
    proxy = SimpleNamespace(answered=Counter({200: 5, 502: 1}))
    health = SimpleNamespace(checks=3, healthy=2)
    made = CollectorRegistry()
    made.register(BalancerCollector(forwarder, proxy, health))
    return made


async def test_a_page_for_prometheus(registry):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"--metrics-listen 127.0.0.1 port {port}"):
            await serve_metrics("127.0.0.1", port, registry)
    serving = asyncio.create_task(serve_metrics("127.0.0.1", port, registry))
    found = samples(await fetch(f"http://127.0.0.1:{port}/metrics"))
    serving.cancel()
    await asyncio.wait([serving])
    assert value(found, "kubehop_lb_frames_total", result="forwarded") == 3
    assert value(found, "kubehop_lb_frames_total", result="drop no-listener") == 1
    assert value(found, "kubehop_lb_http_requests_total", code="502") == 1
    assert value(found, "kubehop_lb_flows") == 2
    assert value(found, "kubehop_lb_frontends") == 4
    assert value(found, "kubehop_lb_checks") == 3
    assert value(found, "kubehop_lb_checks_healthy") == 2


async def fetch(url):
    async with asyncio.timeout(5), aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(url) as answer:
                    return await answer.read()
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0)
