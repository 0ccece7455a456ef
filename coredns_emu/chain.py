"""Plugins in a chain, in the order of CoreDNS' plugin.cfg.

A plugin answers a query or hands it to the next one. Whatever can be answered from memory is
answered at once; only what must wait (for an upstream) is an awaitable, so that the usual
query costs no task.
"""

from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Protocol

from coredns_emu.query import Query
from coredns_emu.reply import Reply
from netcore.dns.records import Rcode
from netcore.model.errors import KubehopError

Result = Reply | Awaitable[Reply]
Handler = Callable[[Query], Result]

ORDER = ("errors", "loadbalance", "kubernetes", "forward")


class PluginError(KubehopError):
    """A plugin could not answer; the client gets `rcode`."""

    def __init__(self, plugin: str, reason: str, rcode: Rcode = Rcode.SERVFAIL) -> None:
        super().__init__(f"plugin/{plugin}: {reason}")
        self.rcode = rcode


class Plugin(Protocol):
    name: str

    def serve(self, query: Query, next_handler: Handler) -> Result:
        """Answer, or return what `next_handler` says. Raises PluginError, at once or later."""
        ...


def link(plugins: Iterable[Plugin]) -> Handler:
    """One handler of all plugins. Their order is ORDER's, whatever the order given."""
    chain = sorted(plugins, key=lambda plugin: ORDER.index(plugin.name))
    last = chain[-1].name if chain else "server"
    handler: Handler = partial(_end_of_chain, last)
    for plugin in reversed(chain):
        handler = partial(_serve, plugin, handler)
    return handler


def then(result: Result, change: Callable[[Reply], Reply]) -> Result:
    """`change` applied to a reply, now or when it comes."""
    if isinstance(result, Reply):
        return change(result)
    return _then_later(result, change)


async def _then_later(result: Awaitable[Reply], change: Callable[[Reply], Reply]) -> Reply:
    return change(await result)


def _serve(plugin: Plugin, next_handler: Handler, query: Query) -> Result:
    return plugin.serve(query, next_handler)


def _end_of_chain(last: str, _query: Query) -> Result:
    raise PluginError(last, "no next plugin found")
