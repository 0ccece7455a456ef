"""The wire handler against foreign bytes: whatever comes in, a reply or silence comes out."""

from contextlib import suppress
from random import Random

from dnslib import DNSRecord
from hypothesis import given
from hypothesis import strategies as st

from coredns_emu.chain import link
from coredns_emu.plugins.errors import Errors
from coredns_emu.plugins.kubernetes import Kubernetes
from coredns_emu.plugins.loadbalance import LoadBalance
from coredns_emu.query import HEADER, IgnoredMessage, RejectedMessage, parse_query
from coredns_emu.reply import BadReply, parse_reply
from coredns_emu.responder import Responder
from coredns_emu.state import ClusterState
from netcore.dns.zones import Zones
from netcore.model.change import Batch, Change
from tests.support.dns_cluster import cluster_objects
from tests.support.dns_wire import question


def build_responder() -> Responder:
    state = ClusterState(lambda: 1_700_000_000)
    state.apply(Batch("e", 1, tuple(map(Change, cluster_objects())), reset=True, synced=True))
    kubernetes = Kubernetes(state, Zones())
    return Responder(link([Errors(), LoadBalance(Random(1)), kubernetes]))


RESPONDER = build_responder()
CLIENT = ("10.0.0.1", 5)
LABELS = st.one_of(
    st.sampled_from([b"svc", b"prod", b"db", b"web", b"cluster", b"local", b"arpa", b"_http"]),
    st.binary(min_size=1, max_size=63),
)


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """Messages whose header makes sense, with any labels, type, class and end."""
    name = b"".join(bytes((len(label),)) + label for label in draw(st.lists(LABELS, max_size=6)))
    zone = draw(
        st.sampled_from([b"\x00", b"\x05cluster\x05local\x00", b"\x07cluster\x05local\x00"])
    )
    fixed = draw(st.binary(min_size=4, max_size=4) | st.just(b"\x00\x01\x00\x01"))
    header = HEADER.pack(7, draw(st.sampled_from([0x0100, 0x2000, 0x0130])), 1, 0, 0, 0)
    return header + name + zone + fixed + draw(st.binary(max_size=20))


@given(st.binary(max_size=600))
def test_arbitrary_bytes(wire):
    check(wire)


@given(requests())
def test_plausible_requests(wire):
    check(wire)


@given(st.data())
def test_mutated_requests(data):
    wire = bytearray(question("db.prod.svc.cluster.local", "SRV", edns=1232))
    for _ in range(data.draw(st.integers(1, 6))):
        position = data.draw(st.integers(0, len(wire) - 1))
        wire[position] = data.draw(st.integers(0, 255))
    check(bytes(wire))


def check(wire: bytes) -> None:
    """A reply has the request's ID, QR set, and no more bytes than the client takes."""
    reply = RESPONDER.respond(wire, "udp", CLIENT)
    if reply is None:
        assert len(wire) < HEADER.size or wire[2] & 0x80
        return
    assert isinstance(reply, bytes)
    assert reply[:2] == wire[:2]
    assert reply[2] & 0x80
    try:
        query = parse_query(wire)
    except RejectedMessage:
        assert len(reply) == HEADER.size
    else:
        assert len(reply) <= query.max_reply_bytes


@given(requests())
def test_questions_come_back_as_asked(wire):
    try:
        query = parse_query(wire)
    except (RejectedMessage, IgnoredMessage):
        return
    end = HEADER.size + sum(map(len, query.name)) + len(query.name) + 5
    reply = RESPONDER.respond(wire, "tcp", CLIENT)
    assert isinstance(reply, bytes)
    assert reply[HEADER.size : end] == wire[HEADER.size : end]


@given(st.integers(0, 65535), st.sampled_from(["A", "AAAA", "SRV"]))
def test_truncation_only_takes_from_the_end(size, kind):
    wire = question("db.prod.svc.cluster.local", kind, edns=size)
    short = DNSRecord.parse(RESPONDER.respond(wire, "udp", CLIENT))
    whole = DNSRecord.parse(RESPONDER.respond(wire, "tcp", CLIENT))
    assert len(short.rr) <= len(whole.rr)
    assert short.header.tc == ((len(short.rr), len(short.ar)) != (len(whole.rr), len(whole.ar)))


@given(st.binary(max_size=300))
def test_bytes_from_upstreams(wire):
    with suppress(BadReply):
        parse_reply(wire)
