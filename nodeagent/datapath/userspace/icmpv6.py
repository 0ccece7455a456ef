"""ICMPv6 to the node itself which is about what its pods have sent under the node's address."""

from netcore.conntrack.tuple import FlowTuple
from netcore.model.errors import PacketError
from netcore.packet.packet import Packet, parse_packet
from netcore.pipeline.stages.tracking import flow_of
from nodeagent.datapath.userspace.devices import BUFFER_BYTES, HEADROOM_BYTES
from nodeagent.datapath.userspace.engine import Engine
from nodeagent.edges.icmpv6_socket import Icmpv6Socket

_FRAMES_PER_WAKE_UP = 64


class Icmpv6Copies:
    """Hands to the engine what is for a pod; the node's kernel has had the rest already."""

    def __init__(self, socket: Icmpv6Socket, engine: Engine) -> None:
        self._socket = socket
        self._engine = engine
        self._buffer = memoryview(bytearray(BUFFER_BYTES))

    def drain(self) -> None:
        """Take what waits. In the datapath's thread."""
        for _ in range(_FRAMES_PER_WAKE_UP):
            count = self._socket.receive_into(self._buffer[HEADROOM_BYTES:])
            if not count:
                return
            frame = self._buffer[: HEADROOM_BYTES + count]
            frame[:HEADROOM_BYTES] = bytes(HEADROOM_BYTES)
            if self._is_for_a_pod(frame[HEADROOM_BYTES:]):
                self._engine.handle(self._engine.host_port, frame)

    def _is_for_a_pod(self, frame: memoryview) -> bool:
        try:
            known = self._engine.conntrack.lookup(_meant(parse_packet(frame)))
        except PacketError:
            return False
        if known is None:
            return False
        entry, is_reply = known
        end = entry.translated(is_reply=is_reply).dst
        return not self._engine.snapshot.is_own_address(end)

    def close(self) -> None:
        """The loop must not call `drain` any more."""
        self._socket.close()


def _meant(packet: Packet) -> FlowTuple:
    """The flow that the packet belongs to, or answers."""
    quoted = packet.quoted
    if quoted is None:
        return flow_of(packet)
    return FlowTuple(quoted.protocol, quoted.dst, quoted.dst_port, quoted.src, quoted.src_port)
