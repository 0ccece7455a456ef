import pytest

from coredns_emu.chain import PluginError
from coredns_emu.plugins.errors import Errors
from coredns_emu.query import parse_query
from coredns_emu.reply import Reply
from netcore.dns.records import Rcode
from tests.support.dns_wire import question

QUERY = parse_query(question("www.x.com"))
LINE = "[ERROR] plugin/errors: 2 www.x.com. A: plugin/forward: i/o timeout"


def fail(_query):
    raise PluginError("forward", "i/o timeout")


async def fail_later(_query):
    raise PluginError("forward", "i/o timeout")


async def answer_later(_query):
    return Reply(Rcode.NXDOMAIN)


def test_an_error_at_once(caplog):
    with pytest.raises(PluginError):
        Errors().serve(QUERY, fail)
    assert caplog.messages == [LINE]


async def test_an_error_later(caplog):
    with pytest.raises(PluginError):
        await Errors().serve(QUERY, fail_later)
    assert caplog.messages == [LINE]


async def test_replies_pass(caplog):
    assert Errors().serve(QUERY, lambda _query: Reply()) == Reply()
    assert await Errors().serve(QUERY, answer_later) == Reply(Rcode.NXDOMAIN)
    assert caplog.messages == []


def test_types_without_a_name(caplog):
    wire = question("www.x.com")[:-4] + b"\xff\xf0\x00\x01"
    with pytest.raises(PluginError):
        Errors().serve(parse_query(wire), fail)
    assert "www.x.com. TYPE65520:" in caplog.text
