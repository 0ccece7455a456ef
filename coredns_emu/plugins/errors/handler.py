"""The `errors` plugin: says why a query could not be answered."""

import logging
from collections.abc import Awaitable

from dnslib import QTYPE

from coredns_emu.chain import Handler, PluginError, Result
from coredns_emu.query import Query
from coredns_emu.reply import Reply
from netcore.dns.names import format_name

log = logging.getLogger(__name__)


class Errors:
    name = "errors"

    def serve(self, query: Query, next_handler: Handler) -> Result:
        try:
            result = next_handler(query)
        except PluginError as error:
            _report(query, error)
            raise
        return result if isinstance(result, Reply) else _watch(query, result)


async def _watch(query: Query, result: Awaitable[Reply]) -> Reply:
    try:
        return await result
    except PluginError as error:
        _report(query, error)
        raise


def _report(query: Query, error: PluginError) -> None:
    rtype = QTYPE.forward.get(query.rtype, f"TYPE{query.rtype}")
    name = format_name(query.name)
    log.error("[ERROR] plugin/errors: %d %s %s: %s", error.rcode, name, rtype, error)
