"""Asks nodes whether they can serve.

Source: what cloud load balancers do: GET at kube-proxy's healthz port, or at the
healthCheckNodePort of a Service whose external traffic policy is Local.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

import aiohttp

from netcore.model.address import IpAddress

log = logging.getLogger(__name__)

PROXY_HEALTHZ_PORT = 10256
INTERVAL_S = 1.0
_TIMEOUT_S = 1.0
_FAILURES = 2
"""So many in a row, and a node is no longer healthy."""

_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Check:
    """A page that answers 200 while the node can serve."""

    address: IpAddress
    port: int

    @property
    def url(self) -> str:
        host = f"[{self.address}]" if self.address.version == 6 else str(self.address)
        return f"http://{host}:{self.port}/healthz"


class HealthChecker:
    """`run` asks again and again; who was never asked is not healthy."""

    def __init__(self, changed: Callable[[], None], source: IpAddress | None = None) -> None:
        """`changed` is called when the answer of `is_healthy` has changed for somebody."""
        self._changed = changed
        self._source = source
        self._failures: dict[Check, int] = {}
        self._wake = asyncio.Event()

    def use(self, checks: Iterable[Check]) -> None:
        """Ask these and no others from now on."""
        wanted = {check: self._failures.get(check, _FAILURES) for check in checks}
        if wanted.keys() - self._failures.keys():
            self._wake.set()
        self._failures = wanted

    def is_healthy(self, check: Check) -> bool:
        """As its last answers say."""
        return self._failures.get(check, _FAILURES) < _FAILURES

    async def run(self) -> None:
        """Ask for ever."""
        connector = aiohttp.TCPConnector(
            force_close=True,
            limit=_AT_ONCE,
            local_addr=None if self._source is None else (str(self._source), 0),
        )
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            while True:
                self._wake.clear()
                await asyncio.gather(*(self._ask(session, check) for check in self._failures))
                with suppress(TimeoutError):
                    async with asyncio.timeout(INTERVAL_S):
                        await self._wake.wait()

    async def _ask(self, session: aiohttp.ClientSession, check: Check) -> None:
        try:
            async with session.get(check.url) as answer:
                is_well, why = answer.status == 200, f"HTTP status {answer.status}"
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            is_well, why = False, str(error) or type(error).__name__
        if check not in self._failures:  # not wanted any more
            return
        before = self.is_healthy(check)
        self._failures[check] = 0 if is_well else min(self._failures[check] + 1, _FAILURES)
        if self.is_healthy(check) is not before:
            log.info("%s is %s", check.url, "healthy" if is_well else f"not healthy: {why}")
            self._changed()
