"""The `loadbalance` plugin: a new order of addresses in every reply."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Any

from dnslib import QTYPE

from coredns_emu.chain import Handler, Result, then
from coredns_emu.query import Query
from coredns_emu.reply import Reply

_ADDRESS_TYPES = (QTYPE.A, QTYPE.AAAA)


class LoadBalance:
    """Shuffles uniformly with the given source of randomness."""

    name = "loadbalance"

    def __init__(self, random: Random) -> None:
        self._random = random

    def serve(self, query: Query, next_handler: Handler) -> Result:
        return then(next_handler(query), self._shuffle)

    def _shuffle(self, reply: Reply) -> Reply:
        if len(reply.answers) < 2 and len(reply.additional) < 2:
            return reply
        return replace(
            reply,
            answers=self._shuffled(reply.answers),
            additional=self._shuffled(reply.additional),
        )

    def _shuffled(self, records: Sequence[Any]) -> tuple[Any, ...]:
        """CNAMEs first, then all others as they were, then addresses and MX shuffled."""
        aliases = [record for record in records if record.rtype == QTYPE.CNAME]
        addresses = [record for record in records if record.rtype in _ADDRESS_TYPES]
        exchangers = [record for record in records if record.rtype == QTYPE.MX]
        moved = (QTYPE.CNAME, QTYPE.MX, *_ADDRESS_TYPES)
        others = [record for record in records if record.rtype not in moved]
        self._random.shuffle(addresses)
        self._random.shuffle(exchangers)
        return (*aliases, *others, *addresses, *exchangers)
