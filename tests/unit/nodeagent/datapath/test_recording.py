"""What the recorder makes of offloads and batches."""

import pytest

from netcore.packet.offload import NO_OFFLOAD
from netcore.packet.vxlan import encode_vxlan
from netcore.pipeline.context import FromPod, FromTunnel
from netcore.pipeline.verdict import Decision, Deliver, Drop, DropReason
from nodeagent.datapath.sightings import CaptureFilter
from nodeagent.datapath.userspace.devices import Tap
from nodeagent.datapath.userspace.engine import Port
from nodeagent.datapath.userspace.link import CaptureLink
from nodeagent.datapath.userspace.recording import Recorder, RecordingSocket, Sink
from nodeagent.edges.underlay import UnderlayLink
from tests.support.frames import PEER, POD, POD_MAC, tcp, udp, wrong_checksums
from tests.support.superpackets import left_open

TAP = Tap(7, POD_MAC)
FROM_POD = Port(FromPod((POD,), POD_MAC), "pod a/b", TAP)
FROM_TUNNEL = Port(FromTunnel(b"\x7f\0\0\2"), "tunnel 127.0.0.2", None)
VERDICT = Deliver(POD)


class Socket:
    """Gives one batch, and keeps what it is to send."""

    port = 4789
    capabilities = frozenset()

    def __init__(self, batch=b"", width=0):
        self.batch, self.width = batch, width
        self.sent = []

    def receive_with_port_into(self, buffer):
        buffer[: len(self.batch)] = self.batch
        return len(self.batch), ("127.0.0.2", 5000), self.width

    def sender(self, flow_hash):
        return "127.0.0.1", 6000 + flow_hash, 64

    def send(self, flow_hash, data, destination, segment_bytes=0):
        self.sent.append((flow_hash, bytes(data), destination, segment_bytes))


@pytest.fixture
def seen():
    return []


@pytest.fixture
def recorder(seen):
    made = Recorder({7: "pod/a/b"}, 4789)
    made.sinks.append(Sink(CaptureFilter(), seen.append))
    return made


def wrapped(recorder, socket):
    link = CaptureLink(lambda: UnderlayLink(b"\x7f\0\0\1"), clock=lambda: 0.0)
    link._next_read = 1.0
    return RecordingSocket(socket, link, recorder)


def buffer(frame, header=NO_OFFLOAD):
    return memoryview(bytearray(header) + frame)


@pytest.mark.parametrize("segment_bytes", [0, 100])
def test_a_checksum_that_was_left_open_is_filled_in(recorder, seen, segment_bytes):
    frame, header = left_open(tcp(data=bytes(range(250)), flags=0x10), segment_bytes)
    given = buffer(frame, header.encode())
    before = bytes(given)
    with recorder.packet(FROM_POD, given):
        recorder(1, FROM_POD, None, Decision(VERDICT), [])
    (found,) = seen
    assert wrong_checksums(found.frame) == []
    assert found.original_bytes == len(frame)
    assert bytes(given) == before  # what is sent on is nobody else's business
    assert found.verdict == VERDICT


def test_a_checksum_outside_of_the_frame_is_left_alone(recorder, seen):
    header = bytearray(left_open(udp())[1].encode())
    header[6:8] = b"\xff\xff"
    with recorder.packet(FROM_POD, buffer(udp(), header)):
        pass
    assert seen[0].frame == udp()


def test_each_datagram_of_a_batch_belongs_to_the_frame_that_it_carries(recorder, seen):
    datagrams = [encode_vxlan(1) + bytes(udp(sport=sport)) for sport in (1, 2, 3)]
    socket = wrapped(recorder, Socket(b"".join(datagrams), len(datagrams[0])))
    assert socket.receive_into(memoryview(bytearray(1000)))[1:] == ("127.0.0.2", 50)
    with recorder.packet(FROM_TUNNEL, buffer(udp(sport=1))):
        recorder(1, FROM_TUNNEL, None, Decision(VERDICT), [])
    recorder.refused_datagram(Drop(DropReason.INVALID_VNI))
    with recorder.packet(FROM_TUNNEL, buffer(udp(sport=3))):
        pass
    assert [each.frame[42:] for each in seen] == datagrams
    assert [each.packet_id for each in seen] == [1, 2, 3]
    assert seen[1].verdict == Drop(DropReason.INVALID_VNI)
    recorder.refused_datagram(VERDICT)  # nothing is left
    assert len(seen) == 3


def test_a_batch_that_came_together_to_a_super_packet_is_all_one_packet(recorder, seen):
    datagrams = [encode_vxlan(1) + bytes(tcp(data=b"x" * 10)) for _ in range(3)]
    wrapped(recorder, Socket(b"".join(datagrams), len(datagrams[0]))).receive_into(
        memoryview(bytearray(1000))
    )
    frame, header = left_open(tcp(data=b"x" * 30), 10)
    with recorder.packet(FROM_TUNNEL, buffer(frame, header.encode())):
        recorder.sent(TAP, buffer(frame, header.encode()))
        recorder(1, FROM_TUNNEL, None, Decision(VERDICT), [])
    assert [each.place for each in seen] == ["vxlan"] * 3 + ["pod/a/b"]
    assert {each.packet_id for each in seen} == {1}
    assert seen[-1].inbound


def test_what_was_left_of_a_batch_does_not_mix_with_the_next(recorder, seen):
    datagram = encode_vxlan(1) + bytes(udp())
    socket = wrapped(recorder, Socket(datagram * 2, len(datagram)))
    socket.receive_into(memoryview(bytearray(1000)))
    socket.receive_into(memoryview(bytearray(1000)))
    for _ in range(3):
        with recorder.packet(FROM_TUNNEL, buffer(udp())):
            pass
    assert len(seen) == 2


def test_a_batch_that_is_sent_is_seen_as_datagrams(recorder, seen):
    real = Socket()
    datagrams = [encode_vxlan(1) + bytes(udp(sport=sport)) for sport in (1, 2)]
    with recorder.packet(FROM_POD, buffer(udp())):
        wrapped(recorder, real).send(3, memoryview(b"".join(datagrams)), "127.0.0.2", 50)
    assert real.sent == [(3, b"".join(datagrams), "127.0.0.2", 50)]
    assert [each.frame[42:] for each in seen[1:]] == datagrams
    assert {each.frame[34:36] for each in seen[1:]} == {(6003).to_bytes(2, "big")}


def test_who_is_told_within_a_packet_is_told_of_its_own(recorder, seen):
    """A reset that a node sends on behalf of a Service takes its own way."""
    with recorder.packet(FROM_TUNNEL, buffer(tcp())):
        with recorder.packet(FROM_POD, buffer(tcp(PEER, POD))):
            recorder(1, FROM_POD, None, Decision(VERDICT), [])
        recorder(1, FROM_TUNNEL, None, Decision(Drop(DropReason.POLICY_DENIED)), [])
    assert [each.verdict for each in seen] == [VERDICT]


def test_a_packet_that_failed_leaves_nothing_behind(recorder, seen):
    with pytest.raises(ZeroDivisionError), recorder.packet(FROM_POD, buffer(udp())):
        1 / 0  # noqa: B018
    assert recorder._open == []
    assert len(seen) == 1
