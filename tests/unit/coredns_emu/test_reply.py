import pytest
from dnslib import AAAA, EDNS0, QTYPE, RR, A, DNSRecord

from coredns_emu.query import parse_query
from coredns_emu.reply import BadReply, Reply, encode_rejection, encode_reply, parse_reply
from netcore.dns.records import Rcode
from tests.support.dns_wire import answers, flags, question

NAME = "big.prod.svc.cluster.local"


def addresses(count: int) -> tuple[RR, ...]:
    return tuple(
        RR(NAME, QTYPE.A, ttl=30, rdata=A((10, 244, i >> 8, i & 255))) for i in range(count)
    )


def reply_to(wire: bytes, reply: Reply, transport="udp", client=("10.0.0.1", 5)) -> bytes:
    return encode_reply(parse_query(wire, transport, client), reply)


def test_a_small_reply_is_not_compressed():
    wire = reply_to(question(NAME), Reply(answers=addresses(1), authoritative=True))
    name_bytes = len(NAME) + 2
    assert len(wire) == 12 + name_bytes + 4 + name_bytes + 10 + 4
    assert answers(wire) == ["A 10.244.0.0"]
    assert flags(wire) == {"qr", "aa", "rd"}


@pytest.mark.parametrize(
    ("size", "count"), [(None, 29), (512, 28), (100, 28), (1232, 73), (4096, 252)]
)
def test_truncation(size, count):
    """What CoreDNS fits of 300 addresses under a name of this length."""
    wire = reply_to(question(NAME, edns=size), Reply(answers=addresses(300)))
    assert len(answers(wire)) == count
    assert "tc" in flags(wire)
    assert len(wire) <= max(512, size or 0)


def test_tcp_takes_all_uncompressed():
    wire = reply_to(question(NAME), Reply(answers=addresses(300)), "tcp")
    assert len(answers(wire)) == 300
    assert flags(wire) == {"qr", "rd"}
    assert len(wire) == 12 + 32 + 300 * (28 + 14)


def test_tcp_ends_at_64_kib_and_pointers_stay_in_reach():
    records = tuple(
        RR(f"host-{i}.{NAME}", QTYPE.AAAA, ttl=30, rdata=AAAA("fd00::1")) for i in range(3000)
    )
    wire = reply_to(question(NAME), Reply(answers=records), "tcp")
    assert len(wire) <= 65535
    assert "tc" in flags(wire)
    assert str(DNSRecord.parse(wire).rr[-1].rname).endswith(f".{NAME}.")


def test_dropped_glue_alone_sets_tc():
    reply = Reply(answers=addresses(20), additional=addresses(30))
    wire = reply_to(question(NAME), reply)
    record = DNSRecord.parse(wire)
    assert len(record.rr) == 20
    assert 0 < len(record.ar) < 30
    assert "tc" in flags(wire)


@pytest.mark.parametrize(("client", "compressed"), [("10.0.0.1", False), ("fd00::1", True)])
def test_large_datagrams_are_compressed_against_fragments(client, compressed):
    wire = reply_to(question(NAME, edns=4096), Reply(answers=addresses(32)), "udp", (client, 5))
    assert len(answers(wire)) == 32
    assert (len(wire) < 900) is compressed


def test_opt_comes_back_with_the_clients_size_and_do_bit():
    wire = reply_to(question(NAME, edns=1400, dnssec_ok=True), Reply())
    opt = DNSRecord.parse(wire).ar[0]
    assert (opt.rtype, opt.rclass, opt.ttl) == (QTYPE.OPT, 1400, 0x8000)


def test_rcodes_above_15_use_the_opt_record():
    record = DNSRecord.parse(reply_to(question(NAME, edns=1400), Reply(Rcode.BADVERS)))
    assert (record.header.rcode, record.ar[0].edns_rcode) == (0, 1)


def test_question_is_repeated_as_asked():
    record = DNSRecord.parse(reply_to(question("WeB.Example", "MX"), Reply()))
    assert record.q.qname.label == (b"WeB", b"Example")
    assert record.q.qtype == QTYPE.MX


def test_cd_is_copied_and_ad_is_not():
    wire = bytearray(question(NAME))
    wire[3] |= 0x30
    assert flags(reply_to(bytes(wire), Reply())) == {"qr", "rd", "cd"}


def test_notify_copies_no_flags():
    wire = bytearray(question(NAME))
    wire[2] = 4 << 3 | 1
    record = DNSRecord.parse(reply_to(bytes(wire), Reply()))
    assert (record.header.opcode, record.header.rd) == (4, 0)


def test_an_upstreams_reply_survives():
    upstream = DNSRecord.parse(question(NAME, edns=1232)).reply(ra=1, aa=0)
    upstream.add_answer(*addresses(2))
    upstream.add_ar(EDNS0(udp_len=512))
    upstream.header.ad = 1
    upstream.header.tc = 1
    reply = parse_reply(bytes(upstream.pack()))
    assert reply.additional == ()
    wire = reply_to(question(NAME, edns=1400), reply)
    assert answers(wire) == ["A 10.244.0.0", "A 10.244.0.1"]
    assert flags(wire) == {"qr", "rd", "ra", "ad", "tc"}
    assert DNSRecord.parse(wire).ar[0].rclass == 1400


def test_bad_replies():
    good = DNSRecord.parse(question(NAME)).reply()
    good.add_answer(*addresses(1))
    with pytest.raises(BadReply):
        parse_reply(bytes(good.pack())[:-1])


def test_rejections():
    wire = encode_rejection(question(NAME), Rcode.FORMERR)
    assert wire == b"\x12\x34\x81\x01" + bytes(8)
    update = b"\x00\x07\x28\x00" + bytes(8)
    assert encode_rejection(update, Rcode.NOTIMP) == b"\x00\x07\xa8\x04" + bytes(8)
