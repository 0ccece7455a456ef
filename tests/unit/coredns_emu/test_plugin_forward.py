from random import Random

import pytest

from coredns_emu.chain import PluginError
from coredns_emu.plugins.forward import Forward
from coredns_emu.plugins.forward.handler import Limits
from coredns_emu.plugins.forward.upstreams import Upstream
from coredns_emu.query import parse_query
from netcore.dns.records import Rcode
from tests.support.dns_upstream import answer, running_upstream
from tests.support.dns_wire import question

IMPATIENT = Limits(read_timeout_s=0.05, total_timeout_s=0.2)


def silent(_request: bytes) -> list[bytes]:
    return []


def forward(*ports: int, limits: Limits | None = None) -> Forward:
    return Forward([Upstream("127.0.0.1", port) for port in ports], Random(1), limits)


def unreachable(_query):
    raise AssertionError("forward is the last plugin")


async def ask(plugin: Forward, transport="udp", wire=None):
    query = parse_query(wire or question("www.example.com"), transport)
    return await plugin.serve(query, unreachable)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_the_upstreams_answer_over_the_clients_transport(transport):
    async with running_upstream() as upstream:
        reply = await ask(forward(upstream.port), transport)
    assert [str(record.rdata) for record in reply.answers] == ["192.0.2.7"]
    assert (reply.recursion_available, reply.authoritative) == (True, False)
    assert upstream.transports == [transport]


async def test_the_question_goes_on_as_asked_under_another_id():
    wire = question("wWw.ExAmple.com", edns=1400)
    async with running_upstream() as upstream:
        await ask(forward(upstream.port), wire=wire)
    assert upstream.requests[0][2:] == wire[2:]
    assert upstream.requests[0][:2] != wire[:2]


async def test_replies_to_other_questions_are_not_believed():
    def confused(request: bytes) -> list[bytes]:
        other = answer(request[:2] + question("evil.example.com")[2:])[0]
        wrong_id = bytes((request[0] ^ 1,)) + answer(request)[0][1:]
        return [b"", other, wrong_id, request, *answer(request)]

    async with running_upstream(confused) as upstream:
        reply = await ask(forward(upstream.port))
    assert str(reply.answers[0].rname) == "www.example.com."


async def test_silence_ends_in_servfail():
    async with running_upstream(silent) as upstream:
        with pytest.raises(PluginError, match=r"read udp 127.0.0.1:\d+: i/o timeout") as error:
            await ask(forward(upstream.port, limits=IMPATIENT))
    assert error.value.rcode is Rcode.SERVFAIL
    assert len(upstream.requests) > 1


async def test_the_next_upstream_is_asked():
    async with running_upstream(silent) as dead, running_upstream() as alive:
        plugin = forward(dead.port, alive.port, limits=Limits(read_timeout_s=0.05))
        for _ in range(8):
            assert (await ask(plugin)).answers
    assert dead.requests


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_an_unreachable_upstream_fails_at_once(transport):
    async with running_upstream() as upstream:
        port = upstream.port
    with pytest.raises(PluginError, match="plugin/forward"):
        await ask(forward(port), transport)


async def test_a_malformed_reply_is_an_error():
    async with running_upstream(lambda request: [answer(request)[0][:-1]]) as upstream:
        with pytest.raises(PluginError, match="malformed reply"):
            await ask(forward(upstream.port))


async def test_bytes_that_are_no_message_are_not_believed():
    async with running_upstream(lambda _request: [b"\0" * 11]) as upstream:
        with pytest.raises(PluginError, match="i/o timeout"):
            await ask(forward(upstream.port, limits=IMPATIENT), "tcp")


async def test_a_limit_of_queries_at_the_same_time():
    async with running_upstream() as upstream:
        plugin = forward(upstream.port, limits=Limits(max_concurrent=1))
        first = ask(plugin)
        waiting = plugin.serve(parse_query(question("a.b")), unreachable)
        with pytest.raises(PluginError, match="exceeded maximum 1") as error:
            await first
        assert error.value.rcode is Rcode.REFUSED
        await waiting
        assert (await ask(plugin)).answers


async def test_failures_free_their_place():
    async with running_upstream(silent) as upstream:
        plugin = forward(upstream.port, limits=Limits(0.01, 0.02, max_concurrent=1))
        for _ in range(3):
            with pytest.raises(PluginError, match="i/o timeout"):
                await ask(plugin)
