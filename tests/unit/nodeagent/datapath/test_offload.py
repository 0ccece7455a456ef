"""Super-packets and partial checksums on their way through the engine and the tunnel."""

import socket

import pytest

from netcore.model.address import parse_address
from netcore.model.offloads import RECEIVE_OFFLOAD, SEND_OFFLOAD
from netcore.packet.offload import OFFLOAD_HEADER_BYTES, SEGMENT_TCPV4, OffloadHeader, parse_offload
from netcore.packet.packet import parse_packet
from netcore.packet.protocols import TCP_ACK, TCP_PSH
from netcore.packet.vxlan import encode_vxlan
from netcore.service.balancing import NextTurn
from nodeagent.datapath.userspace.devices import BUFFER_BYTES, HEADROOM_BYTES
from nodeagent.datapath.userspace.pace import MOST_FRAMES, Pace
from nodeagent.datapath.userspace.tunnel import InvalidVni, Tunnel
from nodeagent.edges.vxlan_socket import VxlanSocket
from tests.datapath.backends import buffer_of
from tests.support.cluster import CLIENT, WEB
from tests.support.frames import PEER, POD, tcp, udp, wrong_checksums
from tests.support.superpackets import left_open
from tests.unit.nodeagent.datapath.test_engine import CLIENT_MAC, VNI, Node, node

__all__ = ["node"]  # a fixture

DATA = bytes(at * 5 & 0xFF for at in range(20_000))
MSS = 1398


def from_client(node: Node, frame: bytearray, segment_bytes: int = 0) -> OffloadHeader:
    frame[6:12] = CLIENT_MAC
    opened, header = left_open(frame, segment_bytes)
    node.engine.handle(node.from_client, buffer_of(opened, header))
    return header


def test_on_one_node_a_super_packet_is_handed_over_whole(node):
    header = from_client(node, tcp(CLIENT, POD, data=DATA, flags=TCP_ACK), MSS)
    (sent,), (offload,) = node.web.sent, node.web.offloads
    assert offload == header
    assert sent[54:] == DATA


@pytest.mark.parametrize("rounds", [1, 2])
def test_into_the_tunnel_go_segments_that_fit(node, rounds):
    for _ in range(rounds):  # decided, then from the flow cache
        node.tunnel.sent.clear()
        from_client(node, tcp(CLIENT, PEER, data=DATA, flags=TCP_ACK | TCP_PSH), MSS)
    frames = [frame for frame, _ in node.tunnel.sent]
    assert len(frames) == -(-len(DATA) // MSS)
    assert b"".join(frame[54:] for frame in frames) == DATA
    for frame in frames:
        assert len(frame) <= 14 + 1450
        assert wrong_checksums(frame) == []
        assert parse_packet(frame).ttl == 63


@pytest.mark.parametrize("make", [tcp, udp])
@pytest.mark.parametrize("target", [PEER, WEB])
def test_open_checksums_are_completed_before_the_tunnel(node, make, target):
    if target == WEB:  # the second endpoint is on the other node
        turns = [NextTurn(key, 1) for key in node.engine.snapshot.frontends]
        node.engine.balancing.commit(turns, 0.0)
    for _ in range(3):
        from_client(node, make(CLIENT, target, 4000, 80 if make is tcp else 53, data=b"data"))
    frames = [frame for frame, _ in node.tunnel.sent]
    assert frames
    assert [wrong_checksums(frame) for frame in frames] == [[]] * len(frames)
    assert {parse_packet(frame).dst for frame in frames} == {PEER}


def test_segments_that_do_not_fit_are_refused(node):
    from_client(node, tcp(CLIENT, PEER, data=DATA, flags=TCP_ACK), 1450)
    assert node.tunnel.sent == []
    assert node.count("reject_fragmentation_needed") == 1
    from_client(node, tcp(CLIENT, PEER, data=DATA, flags=TCP_ACK), MSS)
    from_client(node, tcp(CLIENT, PEER, data=DATA, flags=TCP_ACK), 1450)
    assert node.count("reject_fragmentation_needed") == 2


def test_headers_that_contradict_their_frame_are_counted(node):
    frame = tcp(CLIENT, POD, data=DATA, flags=TCP_ACK)
    frame[6:12] = CLIENT_MAC
    for header in (
        OffloadHeader(0, SEGMENT_TCPV4, 54, MSS, 34, 16),
        OffloadHeader(1, SEGMENT_TCPV4, 54, 0, 34, 16),
        OffloadHeader(1, 5, 54, MSS, 34, 16),
        OffloadHeader(1, 0, 0, 0, 60_000, 16),
    ):
        node.engine.handle(node.from_client, buffer_of(frame, header))
    assert node.count("drop_ct_truncated_or_invalid_header") == 4
    assert node.web.sent == []


def answers(node: Node, frames: list[tuple[bytearray, int]]) -> list[bytes]:
    for frame, opened in frames:
        frame[6:12] = CLIENT_MAC
        if opened:
            from_client(node, frame)
        else:
            node.engine.handle(node.from_client, buffer_of(frame))
    return node.web.sent


@pytest.mark.parametrize("opened", [0, 1])
@pytest.mark.parametrize(
    "frame",
    [
        tcp(CLIENT, WEB, 4001, 80, b"x" * 101, flags=TCP_ACK),
        tcp(CLIENT, POD, 4001, 8080, b"x", flags=TCP_ACK, options=b"\1\1\1\0"),
        udp(CLIENT, WEB, 4001, 53, b"x" * 100),
        udp(CLIENT, WEB, 4001, 53, b"x" * 100, checksum=False),
    ],
)
def test_the_flow_cache_does_exactly_what_was_decided(node, frame, opened):
    if opened and frame[40:42] == b"\0\0" and frame[23] == 17:
        return  # no checksum to leave open
    first, second = answers(node, [(bytearray(frame), opened)] * 1 + [(bytearray(frame), opened)])
    assert first == second
    assert first[22] == 63


# The tunnel on sockets.


class Pair:
    """Two tunnels on loopback."""

    def __init__(self, *, may_coalesce: bool = True) -> None:
        self.here, self.there = parse_address("127.0.0.1"), parse_address("127.0.0.2")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.sockets = VxlanSocket(self.here, port), VxlanSocket(self.there, port)
        self.near = Tunnel(self.sockets[0], VNI, may_coalesce=True)
        self.far = Tunnel(self.sockets[1], VNI, may_coalesce=may_coalesce)

    def send(self, buffer: memoryview) -> bool:
        return self.near.path(self.there.packed, b"\0" * 6, 1).send(buffer)

    def received(self) -> list[bytes | type]:
        self.sockets[1]._receiver.settimeout(5)
        self.sockets[1]._receiver.recv(1, socket.MSG_PEEK)
        self.sockets[1]._receiver.setblocking(False)
        found = self.far.receive(Pace(MOST_FRAMES))
        return [type(f) if isinstance(f, Exception) else bytes(f) for _, f in found]

    def close(self) -> None:
        for each in self.sockets:
            each.close()


@pytest.fixture(params=[True, False])
def pair(request):
    made = Pair(may_coalesce=request.param)
    made.may_coalesce = request.param
    yield made
    made.close()


def test_this_kernel_sends_and_receives_batches(pair):
    assert pair.sockets[0].capabilities == {SEND_OFFLOAD, RECEIVE_OFFLOAD}


def test_a_super_packet_comes_together_where_it_may(pair):
    opened, header = left_open(tcp(data=DATA, flags=TCP_ACK), MSS)
    assert pair.send(buffer_of(opened, header))
    received = pair.received()
    if pair.may_coalesce:
        (whole,) = received
        assert parse_offload(whole) == header
        assert whole[OFFLOAD_HEADER_BYTES:] == opened
    else:
        assert b"".join(frame[HEADROOM_BYTES + 54 :] for frame in received) == DATA


def test_without_batches_the_wire_carries_the_same(pair, monkeypatch):
    pair.near._sends_batches = False
    opened, header = left_open(udp(data=DATA), 1000)
    assert pair.send(buffer_of(opened, header))
    received = pair.received()
    assert b"".join(frame[HEADROOM_BYTES + 42 :] for frame in received) == DATA
    assert all(wrong_checksums(frame[HEADROOM_BYTES:]) == [] for frame in received)


def test_a_batch_of_another_network_is_refused_one_by_one(pair):
    batch = (encode_vxlan(2) + tcp(data=b"a")) * 3
    pair.sockets[0].send(1, memoryview(batch), str(pair.there), len(batch) // 3)
    assert pair.received() == [InvalidVni] * 3


def test_a_full_socket_is_said(pair, monkeypatch):
    def refuse(*_: object) -> None:
        raise BlockingIOError

    monkeypatch.setattr(pair.sockets[0], "send", refuse)
    assert not pair.send(memoryview(bytearray(BUFFER_BYTES)))


def test_datagrams_that_find_the_queue_full_are_counted(pair):
    datagram = memoryview(encode_vxlan(VNI) + bytes(60_000))
    assert pair.sockets[1].overflowed == 0
    for _ in range(500):
        pair.sockets[0].send(1, datagram, str(pair.there))
    assert pair.sockets[1].overflowed > 0


def test_destinations_are_bounded(pair):
    for number in range(5000):
        pair.near.path(number.to_bytes(4, "big"), b"\0" * 6, 1)
    assert len(pair.near._destinations) <= 4096


# The pace.


def test_dialogues_are_taken_one_by_one_and_floods_in_bulk():
    pace = Pace()
    for _ in range(4):
        pace.used_up()
    assert pace.frames == 1
    for _ in range(20):
        pace.used_up()
    assert pace.frames == MOST_FRAMES
    pace.found(3)
    assert pace.frames == 3
    pace.found(0)
    assert pace.frames == 1
