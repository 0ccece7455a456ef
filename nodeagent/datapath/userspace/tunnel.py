"""The VXLAN tunnel: super-packets leave it as ordinary datagrams and come together again."""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import TYPE_CHECKING, Protocol

from netcore.model.address import packed, text
from netcore.model.errors import BadHeader, PacketError
from netcore.model.offloads import RECEIVE_OFFLOAD, SEND_OFFLOAD
from netcore.packet.offload import (
    NEEDS_CHECKSUM,
    NO_OFFLOAD,
    SEGMENT_UDP,
    complete_checksum,
    parse_offload,
)
from netcore.packet.protocols import PROTOCOL_TCP, PROTOCOL_UDP
from netcore.packet.vxlan import VXLAN_HEADER_BYTES, encode_vxlan, parse_vxlan
from nodeagent.datapath.details import OuterHeader
from nodeagent.datapath.userspace.devices import BUFFER_BYTES, HEADROOM_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netcore.packet.segment import Segmenter
    from nodeagent.datapath.userspace.pace import Pace

_VXLAN_AT = HEADROOM_BYTES - VXLAN_HEADER_BYTES
_MAX_DESTINATIONS = 4096
_CHECKSUM_PLACE_AT = 6  # in the offload header
_read_checksum_place = Struct("=HH").unpack_from


class InvalidVni(PacketError):
    """A VXLAN header of another network."""


class Datagrams(Protocol):
    """The part of nodeagent.edges.vxlan_socket.VxlanSocket that a tunnel needs."""

    capabilities: frozenset[str]
    port: int

    def sender(self, flow_hash: int) -> tuple[str, int, int]: ...

    def receive_into(self, buffer: memoryview) -> tuple[int, str, int]: ...

    def send(
        self, flow_hash: int, data: memoryview, destination: str, segment_bytes: int = 0
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class TunnelPath:
    """One flow's way to one VTEP. `mac` is that VTEP's."""

    tunnel: Tunnel
    destination: str
    mac: bytes
    flow_hash: int

    def send(self, buffer: memoryview) -> bool:
        """Whether the socket took the frame, or all frames of a super-packet."""
        return self.tunnel.send(self, buffer)


class Tunnel:
    """This node's VTEP. Not for several threads."""

    def __init__(self, socket: Datagrams, vni: int, *, may_coalesce: bool) -> None:
        """`may_coalesce`: those who get what is received can take super-packets."""
        self._socket = socket
        self._vni = vni
        self._header = encode_vxlan(vni)
        self._sends_batches = SEND_OFFLOAD in socket.capabilities
        self._may_coalesce = may_coalesce and RECEIVE_OFFLOAD in socket.capabilities
        self._segmenter: Segmenter | None = None
        self._destinations: dict[bytes, str] = {}
        self._buffer = memoryview(bytearray(BUFFER_BYTES))
        self._room = self._buffer[_VXLAN_AT:]
        self._single = memoryview(bytearray(BUFFER_BYTES))

    def use(self, socket: Datagrams) -> None:
        """Send and receive through `socket` from now on, which can what the one before could."""
        self._socket = socket

    def path(self, underlay: bytes, mac: bytes, flow_hash: int) -> TunnelPath:
        destination = self._destinations.get(underlay)
        if destination is None:
            if len(self._destinations) >= _MAX_DESTINATIONS:
                self._destinations.clear()
            destination = self._destinations[underlay] = text(underlay)
        return TunnelPath(self, destination, mac, flow_hash)

    def outer_header(self, underlay: bytes, mac: bytes, flow_hash: int) -> OuterHeader:
        """What goes around a frame of this flow to that VTEP."""
        source, source_port, ttl = self._socket.sender(flow_hash)
        port = self._socket.port
        return OuterHeader(packed(source), source_port, underlay, port, self._vni, ttl, mac)

    def send(self, path: TunnelPath, buffer: memoryview) -> bool:
        """See TunnelPath.send. Partial checksums are completed."""
        try:
            if buffer[1]:
                self._send_segments(path, buffer)
                return True
            if buffer[0] & NEEDS_CHECKSUM:
                _complete(buffer)
            buffer[_VXLAN_AT:HEADROOM_BYTES] = self._header
            self._socket.send(path.flow_hash, buffer[_VXLAN_AT:], path.destination)
        except (OSError, PacketError):
            return False
        return True

    def receive(self, pace: Pace) -> Iterator[tuple[str, memoryview | PacketError]]:
        """Sender and frame (behind its offload header) of what waits, as much as `pace` allows.

        A frame is valid until the next step, and may be a super-packet. In place of a datagram
        that is none of this tunnel's comes the reason, BadHeader, TruncatedPacket or InvalidVni.
        Raises OSError for an ICMP error about an earlier datagram.
        """
        receive_into = self._socket.receive_into
        for taken in range(pace.frames):
            try:
                count, sender, width = receive_into(self._room)
            except BlockingIOError:
                pace.found(taken)
                return
            if width == count:
                yield sender, self._one(self._buffer[: _VXLAN_AT + count])
            elif width > 0:
                for frame in self._several(self._buffer[_VXLAN_AT : _VXLAN_AT + count], width):
                    yield sender, frame
        pace.used_up()

    def _one(self, buffer: memoryview) -> memoryview | PacketError:
        if buffer[_VXLAN_AT:HEADROOM_BYTES] != self._header:  # or with reserved bits set
            try:
                header, _ = parse_vxlan(buffer[_VXLAN_AT:])
            except PacketError as error:
                return error
            if header.vni != self._vni:
                return InvalidVni(f"VNI {header.vni} is not this network's")
        buffer[:HEADROOM_BYTES] = NO_OFFLOAD
        return buffer

    def _several(self, batch: memoryview, width: int) -> Iterator[memoryview | PacketError]:
        if self._may_coalesce and batch[:VXLAN_HEADER_BYTES] == self._header:
            from netcore.packet.coalesce import coalesce  # numpy: only who needs it pays for it

            if size := coalesce(batch, VXLAN_HEADER_BYTES, width, self._single):
                yield self._single[:size]
                return
        for at in range(0, len(batch), width):
            datagram = batch[at : at + width]
            self._single[_VXLAN_AT : _VXLAN_AT + len(datagram)] = datagram
            yield self._one(self._single[: _VXLAN_AT + len(datagram)])

    def _send_segments(self, path: TunnelPath, buffer: memoryview) -> None:
        offload = parse_offload(buffer)
        if self._segmenter is None:
            from netcore.packet.segment import Segmenter

            self._segmenter = Segmenter(self._header)
        protocol = PROTOCOL_UDP if offload.segment_type == SEGMENT_UDP else PROTOCOL_TCP
        frame = buffer[HEADROOM_BYTES:]
        batches = self._segmenter.cut(
            frame, offload.checksum_start, protocol, offload.segment_bytes
        )
        for batch, width in batches:
            if self._sends_batches:
                self._socket.send(path.flow_hash, batch, path.destination, width)
                continue
            for at in range(0, len(batch), width):
                self._socket.send(path.flow_hash, batch[at : at + width], path.destination)


def _complete(buffer: memoryview) -> None:
    start, offset = _read_checksum_place(buffer, _CHECKSUM_PLACE_AT)
    frame = buffer[HEADROOM_BYTES:]
    if start + offset + 2 > len(frame):
        raise BadHeader("a checksum outside of the frame")
    complete_checksum(frame, start, offset, len(frame))
