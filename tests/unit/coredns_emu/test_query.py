import struct

import pytest

from coredns_emu.query import (
    Edns,
    IgnoredMessage,
    RejectedMessage,
    compose_query,
    encode_opt,
    parse_query,
)
from netcore.dns.names import parse_name
from netcore.dns.records import Rcode
from tests.support.dns_wire import question

PLAIN = question("Web.Example", "AAAA")


def header(flags=0x0100, counts=(1, 0, 0, 0)) -> bytes:
    return struct.pack("!HHHHHH", 7, flags, *counts)


def test_parse():
    query = parse_query(PLAIN, "tcp", ("10.0.0.1", 99))
    assert query.name == (b"Web", b"Example")
    assert query.key == (b"web", b"example")
    assert (query.id, query.rtype, query.rclass, query.opcode) == (4660, 28, 1, 0)
    assert query.edns is None
    assert query.client == ("10.0.0.1", 99)


def test_edns():
    query = parse_query(question("a.b", edns=4096, dnssec_ok=True))
    assert query.edns == Edns(4096, 0, True)


@pytest.mark.parametrize(
    ("edns", "transport", "limit"),
    [
        (None, "udp", 512),
        (100, "udp", 512),
        (1232, "udp", 1232),
        (None, "tcp", 65535),
        (1232, "tcp", 65535),
    ],
)
def test_max_reply_bytes(edns, transport, limit):
    assert parse_query(question("a.b", edns=edns), transport).max_reply_bytes == limit


@pytest.mark.parametrize("wire", [b"", PLAIN[:11], header(0x8100) + PLAIN[12:]])
def test_silence(wire):
    with pytest.raises(IgnoredMessage):
        parse_query(wire)


@pytest.mark.parametrize("opcode", [1, 2, 5, 15])
def test_other_opcodes(opcode):
    with pytest.raises(RejectedMessage) as rejection:
        parse_query(header(opcode << 11) + PLAIN[12:])
    assert rejection.value.rcode is Rcode.NOTIMP


@pytest.mark.parametrize(
    "wire",
    [
        header(counts=(0, 0, 0, 0)),
        header(counts=(2, 0, 0, 0)) + PLAIN[12:] * 2,
        header(counts=(1, 2, 0, 0)) + PLAIN[12:],
        header(counts=(1, 0, 2, 0)) + PLAIN[12:],
        header(counts=(1, 0, 0, 3)) + PLAIN[12:],
        header(counts=(1, 0, 0, 1)) + PLAIN[12:],
        header() + b"\x03ab",
        header() + b"\xc0\x0c\x00\x01\x00\x01",
        header() + b"\x40" + bytes(70),
        header() + (b"\x3f" + b"a" * 63) * 4 + b"\x00\x00\x01\x00\x01",
        header(counts=(1, 0, 0, 1)) + PLAIN[12:] + encode_opt(Edns(512))[:-1] + b"\x09",
        header(counts=(1, 0, 0, 1)) + PLAIN[12:] + b"\x80" + encode_opt(Edns(512)),
        PLAIN[:-1],
    ],
)
def test_malformed(wire):
    with pytest.raises(RejectedMessage) as rejection:
        parse_query(wire)
    assert rejection.value.rcode is Rcode.FORMERR


def test_every_truncation_is_an_error():
    whole = question("a.b", edns=1232)
    for end in range(len(whole)):
        with pytest.raises((IgnoredMessage, RejectedMessage)):
            parse_query(whole[:end])


def test_the_name_limit_is_255_bytes():
    longest = (b"\x3f" + b"a" * 63) * 3 + b"\x3d" + b"a" * 61 + b"\x00"
    assert len(longest) == 255
    assert len(parse_query(header() + longest + b"\x00\x01\x00\x01").name) == 4
    longer = (b"\x3f" + b"a" * 63) * 3 + b"\x3e" + b"a" * 62 + b"\x00"
    with pytest.raises(RejectedMessage):
        parse_query(header() + longer + b"\x00\x01\x00\x01")


def test_opt_after_a_record_with_a_compressed_name():
    record = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 0, 4) + bytes(4)
    wire = header(counts=(1, 1, 0, 1)) + PLAIN[12:] + record + encode_opt(Edns(900))
    assert parse_query(wire).edns == Edns(900)


@pytest.mark.parametrize("edns", [None, 1400])
def test_composed_queries_parse_as_themselves(edns):
    query = parse_query(question("a.b", edns=edns))
    composed = compose_query(query, parse_name("www.example.com"))
    assert parse_query(composed.wire) == composed
    assert composed.edns == query.edns
