"""Asks nodes whether they can serve.

Source: what cloud load balancers do: GET at kube-proxy's healthz port, or at the
healthCheckNodePort of a Service whose external traffic policy is Local.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass

import aiohttp

from cloudlb.calls import local_addresses
from netcore.model.address import IpAddress, authority

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
        return f"http://{authority(self.address, self.port)}/healthz"


class HealthChecker:
    """`run` asks again and again; who was never asked is not healthy."""

    def __init__(self, changed: Callable[[], None], sources: Iterable[IpAddress] = ()) -> None:
        """`changed` is called when the answer of `is_healthy` has changed for somebody; nodes are
        asked from the one of `sources` that is of their family.
        """
        self._changed = changed
        self._sources = tuple(sources)
        self._turn = asyncio.Semaphore(_AT_ONCE)
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

    @property
    def checks(self) -> int:
        """How many are made."""
        return len(self._failures)

    @property
    def healthy(self) -> int:
        """How many of them go well."""
        return sum(map(self.is_healthy, self._failures))

    async def run(self) -> None:
        """Ask for ever."""
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
        async with AsyncExitStack() as stack:
            sessions = {}
            for version, local in local_addresses(self._sources).items():
                connector = aiohttp.TCPConnector(force_close=True, limit=0, local_addr=local)
                session = aiohttp.ClientSession(connector=connector, timeout=timeout)
                sessions[version] = await stack.enter_async_context(session)
            while True:
                self._wake.clear()
                checks = tuple(self._failures)
                await asyncio.gather(
                    *(self._ask(sessions[check.address.version], check) for check in checks)
                )
                with suppress(TimeoutError):
                    async with asyncio.timeout(INTERVAL_S):
                        await self._wake.wait()

    async def _ask(self, session: aiohttp.ClientSession, check: Check) -> None:
        # The time runs from here on: waiting for others is no failure of the node.
        async with self._turn:
            is_well, why = await _answers(session, check)
        if check not in self._failures:  # not wanted any more
            return
        before = self.is_healthy(check)
        self._failures[check] = 0 if is_well else min(self._failures[check] + 1, _FAILURES)
        if self.is_healthy(check) is not before:
            log.info("%s is %s", check.url, "healthy" if is_well else f"not healthy: {why}")
            self._changed()


async def _answers(session: aiohttp.ClientSession, check: Check) -> tuple[bool, str]:
    try:
        async with session.get(check.url, allow_redirects=False) as answer:
            return answer.status == 200, f"HTTP status {answer.status}"
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        return False, str(error) or type(error).__name__
