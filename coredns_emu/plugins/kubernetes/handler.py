"""The `kubernetes` plugin: answers from the state of the cluster."""

from collections.abc import Awaitable
from dataclasses import replace

from coredns_emu.chain import Handler, PluginError, Result, then
from coredns_emu.plugins.kubernetes.records import to_rr
from coredns_emu.query import Query, compose_query
from coredns_emu.reply import Reply
from coredns_emu.state import ClusterState
from netcore.dns.lookup import lookup
from netcore.dns.names import Name, is_within, parse_name
from netcore.dns.records import Answer, Rcode
from netcore.dns.zones import REVERSE_ZONES, Zones


class Kubernetes:
    """Answers in its zones; names that do not exist in `fallthrough` zones go on."""

    name = "kubernetes"

    def __init__(
        self,
        state: ClusterState,
        zones: Zones,
        fallthrough: tuple[Name, ...] = REVERSE_ZONES,
    ) -> None:
        self._state = state
        self._zones = zones
        self._fallthrough = fallthrough

    @property
    def ready(self) -> bool:
        return self._state.synced

    def serve_domain(self, cluster_domain: str) -> None:
        """Serve the cluster's domain as the control plane names it. Raises ConfigError."""
        domain = parse_name(cluster_domain.lower())
        self._zones = replace(self._zones, names=(domain, *REVERSE_ZONES))

    def serve(self, query: Query, next_handler: Handler) -> Result:
        if self._zones.match(query.key) is None:
            return next_handler(query)
        state = self._state
        answer = lookup(state.index, self._zones, query.name, query.rtype, state.serial)
        if answer.rcode is Rcode.REFUSED:
            raise PluginError(self.name, "zone transfers are not served", Rcode.REFUSED)
        if answer.rcode is Rcode.NXDOMAIN:
            if any(is_within(query.key, zone) for zone in self._fallthrough):
                return next_handler(query)
            if not state.synced:
                answer = replace(answer, rcode=Rcode.SERVFAIL)
        reply = _reply(answer)
        if answer.external is None:
            return reply
        return _complete(reply, compose_query(query, answer.external), next_handler)


def _reply(answer: Answer) -> Reply:
    return Reply(
        rcode=answer.rcode,
        answers=tuple(map(to_rr, answer.answers)),
        authority=tuple(map(to_rr, answer.authority)),
        additional=tuple(map(to_rr, answer.additional)),
        authoritative=True,
    )


def _complete(reply: Reply, external: Query, next_handler: Handler) -> Result:
    """The CNAME and what the resolvers say of its target; the CNAME alone without them."""

    def append(found: Reply) -> Reply:
        answers = (*reply.answers, *found.answers)
        return replace(reply, answers=answers, truncated=found.truncated)

    try:
        result = next_handler(external)
    except PluginError:
        return reply
    if isinstance(result, Reply):
        return append(result)
    return then(_or_nothing(result), append)


async def _or_nothing(result: Awaitable[Reply]) -> Reply:
    try:
        return await result
    except PluginError:
        return Reply()
