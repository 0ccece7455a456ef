"""Captures of a datapath whose devices are sockets."""

import queue

import pytest

from netcore.capture.filter import parse_filter
from netcore.model.address import packed
from netcore.packet.packet import parse_packet
from netcore.packet.vxlan import encode_vxlan
from netcore.pipeline.verdict import Deliver, Drop, DropReason, Encap, Reject, Reply, ToHost
from nodeagent.datapath.sightings import CaptureFilter
from nodeagent.datapath.userspace.devices import BUFFER_BYTES
from nodeagent.edges.underlay import UnderlayLink
from tests.support.cluster import CLIENT, GATEWAY, WEB
from tests.support.frames import PEER, POD, frame, tcp, udp, wrong_checksums
from tests.unit.nodeagent.datapath.test_datapath import CLIENT_MAC, LOOPBACK, PEER_ADDRESS, Wire

OWN_MAC, PEER_MAC = b"\2\0\0\0\0\1", b"\2\0\0\0\0\2"
LINK = UnderlayLink(LOOPBACK.packed, OWN_MAC, {str(PEER_ADDRESS): PEER_MAC})
ARP = bytes.fromhex("0001080006040001") + CLIENT_MAC + CLIENT + bytes(6) + GATEWAY


@pytest.fixture
def wire():
    made = Wire()
    made.datapath._captures._read_link = lambda: LINK
    yield made
    made.close()


class Seen:
    """The sightings of one capture."""

    def __init__(self, wire, **wanted):
        expression = parse_filter(wanted.pop("text", ""))
        self._found = queue.Queue()
        filtered = CaptureFilter(expression=expression, **wanted)
        self.capture = wire.datapath.capture(filtered, self._found.put)

    def next(self, count):
        return [self._found.get(timeout=5) for _ in range(count)]

    def nothing(self):
        return self._found.empty()


def place(sighting):
    return sighting.place, "in" if sighting.inbound else "out"


def test_from_pod_to_pod_is_seen_at_both_and_is_one_packet(wire):
    seen = Seen(wire)
    wire.send_from_client(tcp(CLIENT, WEB, 40000, 80))
    left, came = seen.next(2)
    assert place(left) == ("pod/default/client", "out")
    assert place(came) == ("pod/default/web-1", "in") or came.place == "vxlan"
    assert left.packet_id == came.packet_id
    assert parse_packet(left.frame).dst == WEB
    assert parse_packet(came.frame if came.place != "vxlan" else came.frame[50:]).dst_port == 8080
    assert [hop.stage.value for hop in left.hops][:2] == ["anti-spoof", "service"]


def test_the_tunnel_with_the_headers_that_are_on_the_wire(wire):
    seen = Seen(wire, places=frozenset({"vxlan"}))
    wire.send_from_client(tcp(CLIENT, PEER))
    datagram, sender = wire.node2.recvfrom(BUFFER_BYTES)
    wire.tunnel(tcp(PEER, CLIENT, 80, 40000, flags=0x12))
    wire.client.recv(BUFFER_BYTES)
    sent, received = seen.next(2)
    outer = parse_packet(sent.frame)
    assert (outer.src, outer.dst) == (LOOPBACK.packed, PEER_ADDRESS.packed)
    assert (outer.src_port, outer.dst_port) == (sender[1], wire.port)
    assert (outer.src_mac, outer.dst_mac) == (OWN_MAC, PEER_MAC)
    assert sent.frame.endswith(datagram)
    assert isinstance(sent.verdict, Encap)
    outer = parse_packet(received.frame)
    assert (outer.src, outer.src_port) == (PEER_ADDRESS.packed, wire.port)
    assert (outer.src_mac, outer.dst_mac) == (PEER_MAC, OWN_MAC)
    assert received.inbound
    assert received.verdict == Deliver(CLIENT)
    assert wrong_checksums(sent.frame) == wrong_checksums(received.frame) == []


def test_from_and_to_the_host(wire):
    seen = Seen(wire)
    wire.host.send(tcp(GATEWAY, CLIENT))
    assert [place(each) for each in seen.next(2)] == [
        ("host", "out"),
        ("pod/default/client", "in"),
    ]
    wire.send_from_client(tcp(CLIENT, GATEWAY, 80, 40000, flags=0x12))
    left, came = seen.next(2)
    assert place(came) == ("host", "in")
    assert left.verdict == ToHost()


def test_drops_answers_and_refusals_are_seen(wire):
    seen = Seen(wire)
    wire.send_from_client(tcp(POD, PEER))  # not the client's address
    (spoofed,) = seen.next(1)
    assert spoofed.verdict == Drop(DropReason.INVALID_SOURCE_IP)
    wire.send_from_client(frame(0x0806, ARP))
    asked, answered = seen.next(2)
    assert isinstance(asked.verdict, Reply)
    assert place(answered) == ("pod/default/client", "in")
    wire.client.send(b"\0" * 13)
    (broken,) = seen.next(1)
    assert broken.verdict == Drop(DropReason.CT_TRUNCATED_OR_INVALID_HEADER)
    assert broken.frame == b"\0" * 13
    wire.tunnel(tcp(PEER, CLIENT), encode_vxlan(2))
    (other,) = seen.next(1)
    assert (other.place, other.verdict) == ("vxlan", Drop(DropReason.INVALID_VNI))
    wire.send_from_client(udp(CLIENT, packed("10.96.0.51"), 40000, 1))
    assert isinstance(seen.next(1)[0].verdict, Drop | Reject | ToHost)


def test_packets_of_a_flow_that_is_cached_are_seen_and_cached_again_afterwards(wire):
    def send():
        wire.send_from_client(udp(CLIENT, PEER, data=b"x"))
        return wire.node2.recv(BUFFER_BYTES)

    first = send()
    seen = Seen(wire, text="udp and host 10.244.2.3", places=frozenset({"pod/default/client"}))
    assert send() == first
    (found,) = seen.next(1)
    assert [hop.stage.value for hop in found.hops][1] == "conntrack"
    seen.capture.close()
    seen.capture.close()
    assert send() == first
    assert seen.nothing()
    assert wire.datapath._engine._recorder is None
    assert wire.datapath._engine._fast_generation == wire.datapath._engine._generation
    assert wire.datapath._tunnel._socket is wire.datapath._socket


def test_two_captures_get_what_each_wants(wire):
    pods = Seen(wire, places=frozenset({"pod/default/client"}), snap_bytes=20)
    linked = Seen(wire, peers=frozenset({packed("127.0.0.9")}), places=frozenset({"vxlan"}))
    filtered = Seen(wire, text="tcp dst port 81")
    for port in (80, 81):
        wire.send_from_client(tcp(CLIENT, PEER, dport=port))
        wire.node2.recv(BUFFER_BYTES)
    assert [parse_packet(each.frame).dst_port for each in filtered.next(1)] == [81]
    short = pods.next(2)
    assert [(len(each.frame), each.original_bytes) for each in short] == [(20, 54)] * 2
    assert linked.nothing()
    pods.capture.close()
    wire.send_from_client(tcp(CLIENT, PEER, dport=81))
    assert len(filtered.next(3)) == 3


def test_who_captures_at_a_pod_does_not_slow_the_tunnel(wire):
    pod = Seen(wire, places=frozenset({"pod/default/client"}))
    assert wire.datapath._tunnel._socket is wire.datapath._socket
    everywhere = Seen(wire)
    assert wire.datapath._tunnel._socket is not wire.datapath._socket
    everywhere.capture.close()
    assert wire.datapath._tunnel._socket is wire.datapath._socket
    wire.send_from_client(tcp(CLIENT, PEER))
    assert [place(each) for each in pod.next(1)] == [("pod/default/client", "out")]


def test_a_pod_that_is_gone_is_no_place_any_more(wire):
    seen = Seen(wire)
    wire.datapath.detach("uid-client")
    assert len(wire.datapath._places) == 2
    wire.host.send(tcp(GATEWAY, POD))
    assert [place(each) for each in seen.next(2)] == [("host", "out"), ("pod/default/web-1", "in")]


def test_an_underlay_that_does_not_take_it_shows_no_datagram(wire):
    seen = Seen(wire, text="tcp port 80")
    wire.datapath._tunnel._socket._socket = _Refusing(wire.datapath._socket)
    wire.send_from_client(tcp(CLIENT, PEER))
    (left,) = seen.next(1)
    assert left.verdict == Drop(DropReason.DROP_REASON_UNKNOWN)
    assert left.hops[-1].rule == "queue full"


class _Refusing:
    def __init__(self, real):
        self.port, self.capabilities = real.port, real.capabilities

    def send(self, *_):
        raise OSError("no room")
