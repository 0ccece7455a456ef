import pytest
from dnslib import QTYPE, RR, A

from coredns_emu.chain import PluginError
from coredns_emu.plugins.kubernetes import Kubernetes
from coredns_emu.query import parse_query
from coredns_emu.reply import Reply
from coredns_emu.state import ClusterState
from netcore.dns.names import format_name
from netcore.dns.records import Rcode
from netcore.dns.zones import Zones
from netcore.model.change import Batch, Change
from tests.support.dns_cluster import cluster_objects
from tests.support.dns_wire import question

ELSEWHERE = Reply(Rcode.NXDOMAIN, recursion_available=True)


def synced_state() -> ClusterState:
    state = ClusterState(lambda: 1_700_000_000)
    changes = tuple(map(Change, cluster_objects()))
    state.apply(Batch("e", 1, changes, reset=True, synced=True))
    return state


def ask(name: str, kind: str = "A", state=None, next_handler=lambda _query: ELSEWHERE):
    plugin = Kubernetes(state or synced_state(), Zones())
    return plugin.serve(parse_query(question(name, kind)), next_handler)


def data(records) -> list[str]:
    return [str(record.rdata) for record in records]


def test_answers_are_authoritative():
    reply = ask("web.prod.svc.cluster.local")
    assert (reply.rcode, reply.authoritative) == (Rcode.NOERROR, True)
    assert data(reply.answers) == ["10.96.0.20"]


def test_other_zones_go_on():
    assert ask("www.example.com") == ELSEWHERE


def test_unknown_reverse_names_fall_through():
    assert ask("1.0.0.127.in-addr.arpa", "PTR") == ELSEWHERE
    assert ask("in-addr.arpa", "A").authoritative


def test_servfail_until_synced():
    state = ClusterState(lambda: 0)
    reply = ask("web.prod.svc.cluster.local", state=state)
    assert reply.rcode is Rcode.SERVFAIL
    assert "ns.dns.cluster.local. hostmaster.cluster.local. 0 " in data(reply.authority)[0]
    assert ask("cluster.local", state=state).rcode is Rcode.NOERROR
    assert not Kubernetes(state, Zones()).ready


def test_transfers_are_refused():
    with pytest.raises(PluginError) as error:
        ask("cluster.local", "AXFR")
    assert error.value.rcode is Rcode.REFUSED


class Resolver:
    """Knows one address for every name, unless it fails."""

    def __init__(self, error: bool = False) -> None:
        self.asked: list[str] = []
        self._error = error

    def at_once(self, query) -> Reply:
        self.asked.append(format_name(query.name))
        if self._error:
            raise PluginError("forward", "i/o timeout")
        return Reply(answers=(RR("x", QTYPE.A, rdata=A("192.0.2.7")),), recursion_available=True)

    async def later(self, query) -> Reply:
        return self.at_once(query)


@pytest.mark.parametrize("when", ["at_once", "later"])
@pytest.mark.parametrize("error", [False, True])
async def test_external_names_are_completed_by_the_resolvers(when, error):
    resolver = Resolver(error)
    result = ask("outside.prod.svc.cluster.local", next_handler=getattr(resolver, when))
    reply = result if isinstance(result, Reply) else await result
    assert resolver.asked == ["www.example.com."]
    assert data(reply.answers) == ["www.example.com."] + ([] if error else ["192.0.2.7"])
    assert (reply.rcode, reply.authoritative, reply.recursion_available) == (0, True, False)


def test_the_domain_that_the_control_plane_names():
    plugin = Kubernetes(synced_state(), Zones())
    plugin.serve_domain("Corp.Internal")
    query = parse_query(question("web.prod.svc.corp.internal"))
    assert data(plugin.serve(query, lambda _query: ELSEWHERE).answers) == ["10.96.0.20"]
    query = parse_query(question("20.0.96.10.in-addr.arpa", "PTR"))
    reply = plugin.serve(query, lambda _query: ELSEWHERE)
    assert data(reply.answers) == ["web.prod.svc.corp.internal."]
    old = parse_query(question("web.prod.svc.cluster.local"))
    assert plugin.serve(old, lambda _query: ELSEWHERE) == ELSEWHERE
