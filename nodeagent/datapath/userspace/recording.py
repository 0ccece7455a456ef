"""Frames at the places of their way over the node, for captures.

Only while somebody captures is there a Recorder at all: the engine then decides every packet anew
and shows it each frame, and the tunnel sends and receives through a RecordingSocket.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from netcore.capture.expression import layers_of
from netcore.capture.outer import open_udp_frame
from netcore.model.address import packed
from netcore.packet.offload import (
    NEEDS_CHECKSUM,
    UDP_CHECKSUM_OFFSET,
    complete_checksum,
    parse_offload,
)
from netcore.packet.packet import Packet
from netcore.pipeline.trace import Hop
from netcore.pipeline.verdict import Decision, Drop, DropReason, Verdict
from nodeagent.datapath.sightings import UNDERLAY, CapturedFrame, CaptureFilter
from nodeagent.datapath.userspace.devices import HEADROOM_BYTES, Tap
from nodeagent.datapath.userspace.engine import Port
from nodeagent.datapath.userspace.flowcache import Output
from nodeagent.datapath.userspace.link import CaptureLink
from nodeagent.edges.vxlan_socket import VxlanSocket

_NO_VERDICT = Drop(DropReason.DROP_REASON_UNKNOWN)


@dataclass(frozen=True, slots=True)
class _Seen:
    """A whole frame. `checksum`: start and offset of one that is yet to be filled in. `peer`: the
    other node's packed address, of the underlay only.
    """

    time_ns: int
    place: str
    inbound: bool
    frame: bytes
    checksum: tuple[int, int] | None = None
    peer: bytes = b""

    def completed(self) -> bytes:
        """The frame with its checksum."""
        if self.checksum is None or sum(self.checksum) + 2 > len(self.frame):
            return self.frame
        frame = bytearray(self.frame)
        complete_checksum(memoryview(frame), *self.checksum, len(frame))
        return bytes(frame)


@dataclass(slots=True)
class _Passage:
    """One packet on its way over the node."""

    seen: list[_Seen] = field(default_factory=list)
    verdict: Verdict = _NO_VERDICT
    hops: tuple[Hop, ...] = ()


@dataclass(frozen=True, eq=False, slots=True)
class Sink:
    """One running capture."""

    wanted: CaptureFilter
    report: Callable[[CapturedFrame], None]

    def wants(self, seen: _Seen, vxlan_port: int) -> bool:
        wanted = self.wanted
        if wanted.places is not None and seen.place not in wanted.places:
            return False
        if seen.peer and wanted.peers and seen.peer not in wanted.peers:
            return False
        expression = wanted.expression
        return expression is None or expression.matches(layers_of(seen.frame, vxlan_port))


class Recorder:
    """Implements the engine's Recorder and Watcher. In the datapath's thread only."""

    def __init__(self, places: Mapping[int, str], vxlan_port: int) -> None:
        """`places`: which place a TAP's descriptor is."""
        self.sinks: list[Sink] = []
        self._places = places
        self._vxlan_port = vxlan_port
        self._open: list[_Passage] = []
        self._received: deque[_Seen] = deque()
        self._last_id = 0

    @contextmanager
    def packet(self, port: Port, buffer: memoryview) -> Iterator[None]:
        passage = _Passage(self._arrived(port, buffer))
        self._open.append(passage)
        try:
            yield
        finally:
            self._open.pop()
            self._tell(passage)

    def refused(self, port: Port, buffer: memoryview, verdict: Verdict) -> None:
        self._tell(_Passage(self._arrived(port, buffer), verdict))

    def sent(self, output: Output, buffer: memoryview) -> None:
        if isinstance(output, Tap):
            for seen in self._at(output, buffer, inbound=True):
                self.note(seen)

    def __call__(
        self, time_ns: int, port: Port, packet: Packet, decision: Decision, trace: list[Hop]
    ) -> None:
        """The engine's Watcher: what became of the packet that is under way."""
        self._open[-1].verdict = decision.verdict
        self._open[-1].hops = tuple(trace)

    def note(self, seen: _Seen) -> None:
        """A frame of the packet that is under way."""
        if self._open:
            self._open[-1].seen.append(seen)

    def received(self, datagrams: list[_Seen]) -> None:
        """These came out of the socket; their frames will come in next, in the same order."""
        self._received.clear()
        self._received.extend(datagrams)

    def refused_datagram(self, verdict: Verdict) -> None:
        """The next datagram that was received is none of the tunnel's."""
        self._tell(_Passage([self._received.popleft()] if self._received else [], verdict))

    def wants(self, place: str) -> bool:
        """Whether some capture is about this place."""
        places = (sink.wanted.places for sink in self.sinks)
        return any(each is None or place in each for each in places)

    def _arrived(self, port: Port, buffer: memoryview) -> list[_Seen]:
        if port.tap is not None:
            return self._at(port.tap, buffer, inbound=False)
        if buffer[1]:  # a super-packet that all of the batch came together to
            seen = list(self._received)
            self._received.clear()
            return seen
        return [self._received.popleft()] if self._received else []

    def _at(self, tap: Tap, buffer: memoryview, *, inbound: bool) -> list[_Seen]:
        place = self._places.get(tap.descriptor, "")
        if not self.wants(place):
            return []
        checksum = None
        if buffer[0] & NEEDS_CHECKSUM:
            offload = parse_offload(buffer)
            checksum = offload.checksum_start, offload.checksum_offset
        frame = bytes(buffer[HEADROOM_BYTES:])
        return [_Seen(time.time_ns(), place, inbound, frame, checksum)]

    def _tell(self, passage: _Passage) -> None:
        self._last_id += 1
        for seen in passage.seen:
            for sink in self.sinks:
                if sink.wants(seen, self._vxlan_port):
                    sink.report(_sighting(seen, passage, self._last_id, sink.wanted.snap_bytes))


class RecordingSocket:
    """A tunnel's socket that shows the recorder each datagram with its outer headers."""

    def __init__(self, socket: VxlanSocket, link: CaptureLink, recorder: Recorder) -> None:
        self.capabilities = socket.capabilities
        self.port = socket.port
        self._socket = socket
        self._link = link
        self._recorder = recorder

    def receive_into(self, buffer: memoryview) -> tuple[int, str, int]:
        count, (sender, port), width = self._socket.receive_with_port_into(buffer)
        time_ns = time.time_ns()
        macs = (self._link.mac_of(sender), self._link.mac)
        ips = (packed(sender), self._link.address)
        ports = (port, self.port)
        self._recorder.received(
            [
                _datagram(time_ns, macs, ips, ports, datagram, inbound=True)
                for datagram in _cut(buffer[:count], width)
            ]
        )
        return count, sender, width

    def send(
        self, flow_hash: int, data: memoryview, destination: str, segment_bytes: int = 0
    ) -> None:
        time_ns = time.time_ns()  # before: the other node may have it at once
        self._socket.send(flow_hash, data, destination, segment_bytes)
        macs = (self._link.mac, self._link.mac_of(destination))
        ips = (self._link.address, packed(destination))
        ports = (self.sender(flow_hash)[1], self.port)
        for datagram in _cut(data, segment_bytes):
            seen = _datagram(time_ns, macs, ips, ports, datagram, inbound=False)
            self._recorder.note(seen)

    def sender(self, flow_hash: int) -> tuple[str, int, int]:
        return self._socket.sender(flow_hash)


def _cut(data: memoryview, width: int) -> Iterator[memoryview]:
    for at in range(0, len(data), width or len(data) or 1):
        yield data[at : at + width] if width else data


def _datagram(
    time_ns: int,
    macs: tuple[bytes, bytes],
    ips: tuple[bytes, bytes],
    ports: tuple[int, int],
    payload: memoryview,
    *,
    inbound: bool,
) -> _Seen:
    frame, start = open_udp_frame(macs, ips, ports, payload)
    peer = ips[0] if inbound else ips[1]
    return _Seen(time_ns, UNDERLAY, inbound, frame, (start, UDP_CHECKSUM_OFFSET), peer)


def _sighting(seen: _Seen, passage: _Passage, packet_id: int, snap_bytes: int) -> CapturedFrame:
    return CapturedFrame(
        time_ns=seen.time_ns,
        place=seen.place,
        inbound=seen.inbound,
        frame=seen.completed()[:snap_bytes],
        original_bytes=len(seen.frame),
        packet_id=packet_id,
        verdict=passage.verdict,
        hops=passage.hops,
    )
