"""The node's flow ring: what is worth telling of the packets that were decided.

Kept are new flows, drops and rejects, the first packet of the answer, SYN, FIN and RST; not every
packet, as Hubble has it with monitor aggregation at `medium`; and not what a kernel says to its
own link by multicast (router solicitations, listener reports). Recording keeps references and
formats nothing. With `payloads` also what may be a DNS or HTTP message.
"""

from collections import deque
from itertools import islice
from time import time_ns

from netcore.flow.layer7.conversations import may_speak
from netcore.flow.layer7.http import MAX_HEAD_BYTES, may_begin
from netcore.flow.sighting import Sighting, sight
from netcore.packet.packet import Packet
from netcore.packet.protocols import (
    PROTOCOL_TCP,
    PROTOCOL_UDP,
    TCP_FIN,
    TCP_RST,
    TCP_SYN,
)
from netcore.pipeline.context import FromTunnel, Ingress
from netcore.pipeline.snapshot import Snapshot
from netcore.pipeline.verdict import Decision, Drop, DropReason, Reply, Verdict
from nodeagent.datapath.base import FlowPage
from nodeagent.datapath.userspace.flowcache import CachedFlow
from nodeagent.flags import DEFAULT_FLOW_CAPACITY

CLOSES = TCP_FIN | TCP_RST
_ALWAYS = TCP_SYN | CLOSES
_MAX_PAYLOAD_BYTES = {PROTOCOL_TCP: MAX_HEAD_BYTES, PROTOCOL_UDP: 4096}
_DATA_OFFSET_AT = 12
_UDP_HEADER_BYTES = 8
_new = tuple.__new__


class FlowRing:
    """Bounded; the oldest goes first. Belongs to the datapath's thread."""

    def __init__(self, capacity: int = DEFAULT_FLOW_CAPACITY) -> None:
        self.payloads = False
        self._kept: deque[Sighting] = deque(maxlen=capacity)
        self._keep = self._kept.append
        self._recorded = 0

    def decided(
        self,
        snapshot: Snapshot,
        time_ns: int,
        ingress: Ingress,
        packet: Packet,
        decision: Decision,
        verdict: Verdict,
    ) -> None:
        """A packet was decided, and `verdict` is what became of it."""
        entry = decision.entry
        if entry is None:
            if isinstance(verdict, Reply) or _stays_on_link(packet.dst):
                return
        elif not (
            decision.is_new
            or packet.tcp_flags & _ALWAYS
            or (decision.is_reply and entry.reply_packets == 1)
            or verdict is not decision.verdict
        ):
            return
        self._recorded += 1
        self._keep(sight(snapshot, time_ns, ingress, packet, decision, verdict))

    def closing(
        self, snapshot: Snapshot, ingress: Ingress, ends: bytes, tcp_flags: int, flow: CachedFlow
    ) -> None:
        """A FIN or RST of a known flow over IPv4; `ends` are its addresses and ports."""
        pods = snapshot.pods_by_ip
        rewrite = flow.rewrite
        destination = ends[4:8] if rewrite is None else rewrite.dst or ends[4:8]
        self._recorded += 1
        self._keep(
            _new(
                Sighting,
                (
                    time_ns(), ingress, ends, tcp_flags, flow.verdict, rewrite, flow.entry,
                    False, flow.is_reply, (), pods.get(ends[:4]), pods.get(destination), None,
                ),
            )
        )  # fmt: skip

    def closing_parsed(
        self, snapshot: Snapshot, ingress: Ingress, packet: Packet, flow: CachedFlow
    ) -> None:
        """A FIN or RST of a known flow."""
        decision = Decision(flow.verdict, flow.rewrite, flow.entry, is_reply=flow.is_reply)
        self._recorded += 1
        self._keep(sight(snapshot, time_ns(), ingress, packet, decision, flow.verdict))

    def malformed(self, ingress: Ingress) -> None:
        """A frame that could not be parsed."""
        drop = Drop(DropReason.CT_TRUNCATED_OR_INVALID_HEADER)
        self._recorded += 1
        self._keep(
            Sighting(time_ns(), ingress, None, 0, drop, None, None, False, False, (), None, None)
        )

    def payload(
        self,
        snapshot: Snapshot,
        time_ns: int,
        ingress: Ingress,
        packet: Packet,
        decision: Decision,
        frame: memoryview,
    ) -> None:
        """Keep what the packet says, when it may be DNS or HTTP."""
        if not may_speak(
            packet.protocol,
            packet.src_port,
            packet.dst_port,
            decision.verdict,
            from_tunnel=isinstance(ingress, FromTunnel),
            reply=decision.is_reply,
        ):
            return
        data = _payload(packet, frame)
        if not data or (packet.protocol == PROTOCOL_TCP and not may_begin(data)):
            return  # a stream's later segments would push everything else out of the ring
        self._recorded += 1
        verdict = decision.verdict
        self._keep(sight(snapshot, time_ns, ingress, packet, decision, verdict, data))

    def read(self, position: int, limit: int) -> FlowPage:
        """What was recorded from `position` on; see nodeagent.datapath.base.FlowPage."""
        first = self._recorded - len(self._kept)
        begin = max(first, min(position, self._recorded))
        found = tuple(islice(self._kept, begin - first, begin - first + limit))
        return FlowPage(found, begin + len(found), begin - min(position, begin), self._recorded)


def _stays_on_link(destination: bytes) -> bool:
    """Multicast of link scope (RFC 4291 section 2.7, RFC 5771 section 4)."""
    return destination[:2] == b"\xff\x02" or destination[:3] == b"\xe0\x00\x00"


def _payload(packet: Packet, frame: memoryview) -> bytes:
    at = packet.l4_offset
    if packet.protocol == PROTOCOL_TCP:
        if at + _DATA_OFFSET_AT >= len(frame):
            return b""
        at += frame[at + _DATA_OFFSET_AT] >> 2 & 0x3C
    else:
        at += _UDP_HEADER_BYTES
    end = min(packet.l3_offset + packet.ip_length, at + _MAX_PAYLOAD_BYTES[packet.protocol])
    return bytes(frame[at:end])
