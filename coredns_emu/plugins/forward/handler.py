"""The `forward` plugin: asks the node's resolvers."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from coredns_emu.chain import Handler, PluginError, Result
from coredns_emu.plugins.forward.exchange import exchange
from coredns_emu.plugins.forward.upstreams import Upstream
from coredns_emu.query import Query
from coredns_emu.reply import BadReply, Reply, parse_reply
from netcore.dns.records import Rcode


@dataclass(frozen=True, slots=True)
class Limits:
    """CoreDNS' own: seconds for one upstream and for all, and queries at the same time."""

    read_timeout_s: float = 2.0
    total_timeout_s: float = 5.0
    max_concurrent: int = 1000


class Forward:
    """Asks upstreams in random order over the client's transport until one answers."""

    name = "forward"

    def __init__(
        self, upstreams: Sequence[Upstream], random: Random, limits: Limits | None = None
    ) -> None:
        self._upstreams = tuple(upstreams)
        self._random = random
        self._limits = limits or Limits()
        self._concurrent = 0

    def serve(self, query: Query, next_handler: Handler) -> Result:
        limit = self._limits.max_concurrent
        if self._concurrent >= limit:
            reason = f"concurrent queries exceeded maximum {limit}"
            raise PluginError(self.name, reason, Rcode.REFUSED)
        self._concurrent += 1
        return self._forward(query)

    async def _forward(self, query: Query) -> Reply:
        failures: list[str] = []
        try:
            async with asyncio.timeout(self._limits.total_timeout_s):
                return await self._ask_until_answered(query, failures)
        except TimeoutError as error:
            reason = failures[-1] if failures else "i/o timeout"
            raise PluginError(self.name, reason) from error
        finally:
            self._concurrent -= 1

    async def _ask_until_answered(self, query: Query, failures: list[str]) -> Reply:
        """Silent upstreams are asked again in turn, unreachable ones are not."""
        waiting = self._random.sample(self._upstreams, len(self._upstreams))
        while waiting:
            upstream = waiting.pop(0)
            try:
                return await self._ask(upstream, query)
            except TimeoutError:
                failures.append(f"read {query.transport} {upstream}: i/o timeout")
                waiting.append(upstream)
            except OSError as error:
                failures.append(f"{query.transport} {upstream}: {error.strerror or error}")
            except (EOFError, BadReply) as error:
                failures.append(f"read {query.transport} {upstream}: {error}")
        raise PluginError(self.name, failures[-1] if failures else "no upstreams")

    async def _ask(self, upstream: Upstream, query: Query) -> Reply:
        identifier = self._random.getrandbits(16).to_bytes(2, "big")
        async with asyncio.timeout(self._limits.read_timeout_s):
            reply = await exchange(upstream, identifier + query.wire[2:], query.transport)
        return parse_reply(reply)
