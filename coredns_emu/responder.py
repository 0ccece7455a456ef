"""From the bytes of a request to the bytes of its reply, without sockets.

This is the one place that a cache of whole replies can stand in front of: everything that a
reply depends on passes through `respond`.
"""

import logging
from collections.abc import Awaitable
from dataclasses import replace

from coredns_emu.chain import Handler, PluginError
from coredns_emu.query import (
    CLASS_IN,
    Client,
    IgnoredMessage,
    Query,
    RejectedMessage,
    Transport,
    parse_query,
)
from coredns_emu.reply import Reply, encode_rejection, encode_reply
from netcore.dns.names import format_name
from netcore.dns.records import Rcode

log = logging.getLogger(__name__)


class Responder:
    """Answers every message with `handler`; whatever fails is SERVFAIL, never an exception.

    `any_class`: classes other than IN are answered like IN (as CoreDNS does with `forward`),
    otherwise they are refused.
    """

    def __init__(self, handler: Handler, *, any_class: bool = True) -> None:
        self._handler = handler
        self._any_class = any_class

    def respond(
        self, wire: bytes, transport: Transport, client: Client
    ) -> bytes | Awaitable[bytes] | None:
        """The reply, an awaitable for it when it has to wait, or None: silence."""
        try:
            query = parse_query(wire, transport, client)
        except IgnoredMessage:
            return None
        except RejectedMessage as rejection:
            return encode_rejection(wire, rejection.rcode)
        try:
            result = self._answer(query)
        except Exception as error:
            result = _failure(query, error)
        if isinstance(result, Reply):
            return _encode(query, result)
        return _respond_later(query, result)

    def _answer(self, query: Query) -> Reply | Awaitable[Reply]:
        if query.rclass != CLASS_IN and not self._any_class:
            return Reply(Rcode.REFUSED)
        if query.edns is not None and query.edns.version != 0:
            return Reply(Rcode.BADVERS)
        return self._handler(query)


async def _respond_later(query: Query, result: Awaitable[Reply]) -> bytes:
    try:
        reply = await result
    except Exception as error:
        reply = _failure(query, error)
    return _encode(query, reply)


def _encode(query: Query, reply: Reply) -> bytes:
    try:
        return encode_reply(query, reply)
    except Exception as error:
        # Records of an upstream may be such that no reply can be built of them.
        bare = replace(_failure(query, error), authoritative=reply.authoritative)
        return encode_reply(query, bare)


def _failure(query: Query, error: Exception) -> Reply:
    if isinstance(error, PluginError):
        return Reply(error.rcode)
    name = format_name(query.name)
    log.error("cannot answer %s type %d: %s: %s", name, query.rtype, type(error).__name__, error)
    return Reply(Rcode.SERVFAIL)
