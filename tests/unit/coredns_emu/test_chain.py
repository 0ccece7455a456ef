import pytest

from coredns_emu.chain import ORDER, PluginError, link, then
from coredns_emu.query import parse_query
from coredns_emu.reply import Reply
from netcore.dns.records import Rcode
from tests.support.dns_wire import question

QUERY = parse_query(question("a.b"))


class Passing:
    """Notes that it was asked and hands on."""

    def __init__(self, name: str, asked: list[str]) -> None:
        self.name = name
        self._asked = asked

    def serve(self, query, next_handler):
        self._asked.append(self.name)
        return next_handler(query)


class Answering(Passing):
    def serve(self, query, next_handler):
        self._asked.append(self.name)
        return Reply(Rcode.NXDOMAIN)


def test_order_is_the_binarys_not_the_callers():
    asked: list[str] = []
    with pytest.raises(PluginError):
        link([Passing(name, asked) for name in reversed(ORDER)])(QUERY)
    assert asked == list(ORDER)


def test_an_answer_ends_the_chain():
    asked: list[str] = []
    handler = link([Passing("forward", asked), Answering("kubernetes", asked)])
    assert handler(QUERY) == Reply(Rcode.NXDOMAIN)
    assert asked == ["kubernetes"]


def test_the_end_of_the_chain_is_servfail():
    with pytest.raises(PluginError, match="plugin/kubernetes: no next plugin found") as error:
        link([Passing("kubernetes", [])])(QUERY)
    assert error.value.rcode is Rcode.SERVFAIL
    with pytest.raises(PluginError, match="plugin/server"):
        link([])(QUERY)


def refuse(_reply: Reply) -> Reply:
    return Reply(Rcode.REFUSED)


async def later() -> Reply:
    return Reply()


def test_then_changes_a_reply_at_once():
    assert then(Reply(), refuse) == Reply(Rcode.REFUSED)


async def test_then_changes_a_reply_when_it_comes():
    result = then(later(), refuse)
    assert not isinstance(result, Reply)
    assert await result == Reply(Rcode.REFUSED)
