"""What the cloud's load balancers tell Prometheus, read when somebody asks."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from netcore.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from prometheus_client import CollectorRegistry
    from prometheus_client.metrics_core import Metric

    from cloudlb.application.proxy import HttpProxy
    from cloudlb.health import HealthChecker
    from cloudlb.network.forwarder import Forwarder

log = logging.getLogger(__name__)


class BalancerCollector(Collector):
    """Of the network balancers, the HTTP proxy and the health checks."""

    def __init__(self, forwarder: Forwarder, proxy: HttpProxy, health: HealthChecker) -> None:
        self._forwarder, self._proxy, self._health = forwarder, proxy, health

    def describe(self) -> Iterable[Metric]:
        """Nothing at registration."""
        return ()

    def collect(self) -> Iterator[Metric]:
        yield _by(
            "kubehop_lb_frames",
            "Frames that came to network load balancers, by what became of them.",
            "result",
            self._forwarder.counters,
        )
        yield _by(
            "kubehop_lb_http_requests",
            "Requests that application load balancers answered.",
            "code",
            {str(code): count for code, count in self._proxy.answered.items()},
        )
        gauges = (
            ("kubehop_lb_flows", "Flows that stick to a node.", self._forwarder.flows),
            ("kubehop_lb_frontends", "Addresses with ports.", self._forwarder.frontends),
            ("kubehop_lb_checks", "Nodes' ports that are checked.", self._health.checks),
            ("kubehop_lb_checks_healthy", "Those that answer.", self._health.healthy),
        )
        for name, help_text, value in gauges:
            yield GaugeMetricFamily(name, help_text, value=value)


async def serve_metrics(host: str, port: int, registry: CollectorRegistry) -> None:
    """Serve `/metrics` until cancelled. Raises ConfigError when the port cannot be had."""
    render = partial(generate_latest, registry)

    async def show(_request: web.Request) -> web.Response:
        return web.Response(body=render(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    application = web.Application()
    application.router.add_get("/metrics", show)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        log.info("metrics at %s port %d", host, port)
        await asyncio.get_running_loop().create_future()
    except OSError as error:
        raise ConfigError(f"--metrics-listen {host} port {port}: {error.strerror}") from error
    finally:
        await runner.cleanup()


def _by(name: str, help_text: str, label: str, counted: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(name, help_text, labels=[label])
    for value, count in counted.items():
        family.add_metric([value], count)
    return family
