import logging

import pytest
from dnslib import CNAME, QTYPE, RR, DNSLabel, DNSRecord

from coredns_emu.chain import PluginError
from coredns_emu.reply import Reply
from coredns_emu.responder import Responder
from netcore.dns.records import Rcode
from tests.support.dns_wire import question

CLIENT = ("127.0.0.1", 5)


def rcode(wire: bytes) -> int:
    return DNSRecord.parse(wire).header.rcode


def refuse(_query) -> Reply:
    return Reply(Rcode.REFUSED)


def respond(handler, wire: bytes, **settings):
    return Responder(handler, **settings).respond(wire, "udp", CLIENT)


def test_the_handlers_reply():
    assert rcode(respond(refuse, question("a.b"))) == Rcode.REFUSED


async def test_a_reply_that_comes_later():
    async def later(_query) -> Reply:
        return Reply(Rcode.NXDOMAIN)

    assert rcode(await respond(later, question("a.b"))) == Rcode.NXDOMAIN


def test_silence_and_rejection():
    assert respond(refuse, b"short") is None
    assert rcode(respond(refuse, bytes(12))) == Rcode.FORMERR


def test_other_edns_versions():
    record = DNSRecord.parse(respond(refuse, question("a.b", edns=1232, version=1)))
    assert record.ar[0].edns_rcode << 4 | record.header.rcode == Rcode.BADVERS
    assert record.ar[0].edns_ver == 0


@pytest.mark.parametrize(("any_class", "expected"), [(True, "NOERROR"), (False, "REFUSED")])
def test_other_classes(any_class, expected):
    wire = question("a.b")[:-1] + b"\x03"
    answer = respond(lambda _query: Reply(), wire, any_class=any_class)
    assert rcode(answer) == Rcode[expected]


def test_plugin_errors_become_their_rcode():
    def overloaded(_query) -> Reply:
        raise PluginError("forward", "too many", Rcode.REFUSED)

    assert rcode(respond(overloaded, question("a.b"))) == Rcode.REFUSED


async def test_defects_become_servfail_and_one_line(caplog):
    def broken(_query) -> Reply:
        raise RuntimeError("oh")

    async def broken_later(_query) -> Reply:
        raise RuntimeError("oh")

    with caplog.at_level(logging.ERROR):
        assert rcode(respond(broken, question("a.b"))) == Rcode.SERVFAIL
        assert rcode(await respond(broken_later, question("a.b"))) == Rcode.SERVFAIL
    assert caplog.messages == ["cannot answer a.b. type 1: RuntimeError: oh"] * 2


def test_records_that_cannot_be_encoded(caplog):
    record = RR("a.b", QTYPE.CNAME, rdata=CNAME(DNSLabel((b"x" * 64,))))
    wire = respond(lambda _query: Reply(answers=(record,)), question("a.b"))
    assert rcode(wire) == Rcode.SERVFAIL
    assert "cannot answer a.b." in caplog.text
