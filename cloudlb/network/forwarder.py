"""Carries frames from clients to nodes, and answers who asks for the balancers' addresses."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Protocol

from cloudlb.network.balancer import Forward, FrontendKey, NetworkBalancer, NetworkFrontend
from netcore.model.errors import PacketError
from netcore.packet.packet import Packet, parse_packet
from netcore.packet.protocols import ETHERTYPE_ARP, ETHERTYPE_IPV6, PROTOCOL_ICMPV6
from netcore.packet.reply import arp_reply, neighbor_advertisement

_FRAMES_AT_ONCE = 64
_ANSWERS = {
    (ETHERTYPE_ARP, 0): arp_reply,
    (ETHERTYPE_IPV6, PROTOCOL_ICMPV6): neighbor_advertisement,
}


class Frames(Protocol):
    """Frames of one device, each behind HEADER_BYTES of offload header; see FrameSocket."""

    mac: bytes

    def read_into(self, buffer: memoryview) -> int: ...

    def write(self, frame: memoryview) -> bool: ...


class Forwarder:
    """`drain` has to be called when frames wait.

    The nodes' MAC addresses are learned from what they send: they answer health checks all
    the time. Addresses in `silent` have somebody else who answers for them.
    """

    def __init__(
        self,
        frames: Frames,
        header_bytes: int,
        max_bytes: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._frames = frames
        self._header_bytes = header_bytes
        self._buffer = memoryview(bytearray(max_bytes))
        self._clock = clock
        self._balancer = NetworkBalancer()
        self._silent: frozenset[bytes] = frozenset()
        self._nodes: frozenset[bytes] = frozenset()
        self._macs: dict[bytes, bytes] = {}
        self.counters: Counter[str] = Counter()

    @property
    def flows(self) -> int:
        """How many flows stick to a node."""
        return self._balancer.flow_count

    @property
    def frontends(self) -> int:
        return len(self._balancer.frontends)

    def use(
        self,
        frontends: Mapping[FrontendKey, NetworkFrontend],
        nodes: frozenset[bytes],
        silent: frozenset[bytes],
    ) -> None:
        """What shall be from now on; `nodes` are the packed addresses of all nodes."""
        self._balancer.use(frontends)
        self._nodes, self._silent = nodes, silent
        self._macs = {node: mac for node, mac in self._macs.items() if node in nodes}
        self._balancer.expire(self._clock())

    def drain(self) -> None:
        """Handle what waits, but not more than some: others have to get their turn."""
        for _ in range(_FRAMES_AT_ONCE):
            size = self._frames.read_into(self._buffer)
            if not size:
                return
            self._handle(self._buffer[:size])

    def _handle(self, taken: memoryview) -> None:
        try:
            packet = parse_packet(taken, self._header_bytes)
        except PacketError:
            self.counters["malformed"] += 1
            return
        if packet.src in self._nodes and packet.ethertype != ETHERTYPE_ARP:
            self._macs[packet.src] = packet.src_mac
        # Also what comes for this MAC alone: a neighbour that checks on what it knows asks so
        # (RFC 4861 section 7.3.3; Linux does it in ARP, too).
        if self._answer(taken, packet) or packet.dst_mac != self._frames.mac:
            return
        decision = self._balancer.decide(packet, self._clock())
        if isinstance(decision, Forward):
            self._forward(taken, decision.node)
        else:
            self.counters[f"drop {decision.reason}"] += 1

    def _forward(self, taken: memoryview, node: bytes) -> None:
        mac = self._macs.get(node)
        if mac is None:
            self.counters["drop node-not-heard-of"] += 1
            return
        at = self._header_bytes
        taken[at : at + 6] = mac
        taken[at + 6 : at + 12] = self._frames.mac
        sent = self._frames.write(taken)
        self.counters["forwarded" if sent else "drop send-failed"] += 1

    def _answer(self, taken: memoryview, packet: Packet) -> bool:
        """Whether it asked for an address of ours; then it has got its answer."""
        make = _ANSWERS.get((packet.ethertype, packet.protocol))
        answer = None if make is None else make(taken, packet, self._frames.mac)
        if answer is None or not self._answers_for(answer, packet):
            return False
        self._frames.write(memoryview(bytes(self._header_bytes) + answer))
        self.counters["answered neighbour"] += 1
        return True

    def _answers_for(self, answer: bytes, packet: Packet) -> bool:
        claimed = answer[28:32] if packet.ethertype == ETHERTYPE_ARP else answer[22:38]
        return claimed in self._balancer.addresses and claimed not in self._silent
