"""Carries out decisions: one frame in, and what `decide` says becomes of it.

The first packet of a flow is decided; the answer is kept beside the port that it came in
through, stamped with the generation of the picture it was made by. Later packets of the flow
take the kept answer as long as that generation is in force, the flow is tracked and nobody
observes.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from netcore.conntrack.fragments import datagram_of
from netcore.conntrack.tuple import FlowTuple
from netcore.model.errors import PacketError
from netcore.packet.offload import parse_offload, with_offload
from netcore.packet.packet import Packet, parse_packet
from netcore.packet.protocols import ETHERTYPE_IPV4, PROTOCOL_TCP, PROTOCOL_UDP, TCP_SYN
from netcore.packet.rewrite import apply_rewrite, set_macs
from netcore.pipeline.context import Context, FromHost, FromTunnel, Ingress
from netcore.pipeline.decide import decide
from netcore.pipeline.snapshot import Snapshot
from netcore.pipeline.trace import Hop
from netcore.pipeline.verdict import (
    Decision,
    Deliver,
    Drop,
    DropReason,
    Encap,
    Reject,
    Reply,
    ToHost,
    Verdict,
)
from nodeagent.datapath.userspace.answers import answer_reject, answer_reply
from nodeagent.datapath.userspace.counters import Counters, counter_names
from nodeagent.datapath.userspace.devices import HEADROOM_BYTES, Tap, with_headroom
from nodeagent.datapath.userspace.flow_ring import CLOSES, FlowRing
from nodeagent.datapath.userspace.flowcache import (
    PLAIN_BYTES,
    CachedFlow,
    FlowCache,
    Output,
    read_plain,
)
from nodeagent.datapath.userspace.framing import fragments, rewritten, segment_bytes
from nodeagent.datapath.userspace.outcome import not_carried_out
from nodeagent.datapath.userspace.recorder import Recorder
from nodeagent.datapath.userspace.timed_hops import TimedHops
from nodeagent.datapath.userspace.tracking import Tracking
from nodeagent.datapath.userspace.tunnel import Tunnel

_NO_OPTIONS = 0x45
_FRAGMENTED = 0x3FFF
_FLAGS_AT = HEADROOM_BYTES + 47  # of TCP over IPv4 without options
_DATA_OFFSET_AT = HEADROOM_BYTES + 46
_SELDOM = TCP_SYN | CLOSES
_NOBODY = -1
_LOST = Drop(DropReason.DROP_REASON_UNKNOWN)
"""To a full queue, which has a count of its own."""

RANDOM_BELOW = random.SystemRandom().randrange
"""What chance is where nobody says otherwise: not to be guessed from outside."""


@dataclass(slots=True)
class Port:
    """Where frames come in. `tap` takes what is sent straight back; a tunnel has none."""

    ingress: Ingress
    label: str
    tap: Tap | None
    flows: FlowCache = field(default_factory=FlowCache)


Watcher = Callable[[int, Port, Packet, Decision, list[Hop]], None]
"""Is told when a packet came in (Unix time in ns), through which port, and what became of it."""


class Engine:
    """Belongs to the datapath's thread; nothing here is safe to call from another."""

    def __init__(
        self,
        snapshot: Snapshot,
        tunnel: Tunnel,
        host: Tap,
        vtep_mac: bytes,
        *,
        clock: Callable[[], float] = time.monotonic,
        random_below: Callable[[int], int] = RANDOM_BELOW,
        ring: FlowRing | None = None,
    ) -> None:
        """`clock` gives monotonic seconds, `random_below(n)` some 0 <= x < n."""
        self.snapshot = snapshot
        self.clock = clock
        self._tracking = Tracking()
        self.conntrack = self._tracking.conntrack
        self.counters = Counters()
        self._watchers: dict[Watcher, frozenset[bytes] | None] = {}
        self._recorder: Recorder | None = None
        self._ring = ring or FlowRing()
        self._generation = 0
        self._fast_generation = 0  # _NOBODY while somebody observes
        self._mtu_bytes = snapshot.config.pod_mtu_bytes
        self._tunnel = tunnel
        self._host = host
        self._vtep_mac = vtep_mac
        self.host_port = Port(FromHost(), "host", host)
        self._pods: dict[bytes, Tap] = {}
        self.balancing = self._tracking.balancing
        self._random_below = random_below

    def add_pod(self, ips: tuple[bytes, ...], tap: Tap) -> None:
        self._pods.update((ip, tap) for ip in ips)
        self._renew()

    def remove_pod(self, ips: tuple[bytes, ...]) -> None:
        """Its flows are forgotten, too: another pod may get its addresses."""
        for ip in ips:
            self._pods.pop(ip, None)
        self._tracking.forget_pod(ips)
        self._renew()

    def has_pod(self, ip: bytes) -> bool:
        return ip in self._pods

    def use(self, snapshot: Snapshot) -> None:
        """Decide by `snapshot` from the next packet on; what is gone from it is forgotten."""
        if not snapshot.forwards_like(self.snapshot):
            self._renew()
        self._tracking.follow(self.snapshot, snapshot)
        self.snapshot = snapshot
        self._mtu_bytes = snapshot.config.pod_mtu_bytes

    def watch(self, watcher: Watcher, addresses: frozenset[bytes] | None = None) -> None:
        """Have each packet of flows that touch the addresses (None: of all) decided and told to
        `watcher`, and some others: flows that nobody watches stay fast.
        """
        self._watchers[watcher] = addresses
        self._renew()

    def unwatch(self, watcher: Watcher) -> None:
        """Stop telling `watcher`; unknown ones are ignored."""
        self._watchers.pop(watcher, None)
        self._set_pace()

    def keep_payloads(self, wanted: bool) -> None:
        """Whether the flow ring is to have payloads: every packet is decided then."""
        self._ring.payloads = wanted
        self._set_pace()

    def record(self, recorder: Recorder | None) -> None:
        """Show every frame to `recorder`, which has to `watch`, too; None: to nobody."""
        self._recorder = recorder

    def handle(self, port: Port, buffer: memoryview) -> None:
        """One whole frame behind its offload header, which may be rewritten in place."""
        size = len(buffer)
        if size < PLAIN_BYTES:
            self._handle_any(port, buffer)
            return
        (
            offload_flags, segment_type, ethertype, version_ihl, length, fragment,
            ttl, protocol, checksum, ends,
        ) = read_plain(buffer)  # fmt: skip
        if protocol == PROTOCOL_TCP:
            flow = port.flows.tcp.get(ends)
        elif protocol == PROTOCOL_UDP:
            flow = port.flows.udp.get(ends)
        else:
            flow = None
        if (
            flow is None
            or flow.generation != self._fast_generation
            or ethertype != ETHERTYPE_IPV4
            or version_ihl != _NO_OPTIONS
            or fragment & _FRAGMENTED
            or length + HEADROOM_BYTES + 14 != size
            or ttl < 2
        ):
            self._handle_any(port, buffer)
            return
        wire, tcp_flags = length, 0
        if protocol == PROTOCOL_TCP:
            tcp_flags = buffer[_FLAGS_AT] if length >= 40 else TCP_SYN
            if tcp_flags & _SELDOM:
                if tcp_flags & TCP_SYN:  # it may begin a flow anew
                    self._handle_any(port, buffer)
                    return
                self._ring.closing(self.snapshot, port.ingress, ends, tcp_flags, flow)
            if segment_type:
                wire = segment_bytes(buffer) + 20 + (buffer[_DATA_OFFSET_AT] >> 2 & 0x3C)
        elif segment_type:
            wire = segment_bytes(buffer) + 28
        entry = flow.entry
        now = self.clock()
        if wire > self._mtu_bytes or entry.expires_at <= now:
            self._handle_any(port, buffer)
            return
        self.conntrack.refresh(entry, now, tcp_flags, is_reply=flow.is_reply)
        flow.rewrite_plain(buffer, offload_flags, ttl, protocol, checksum)
        if flow.output.send(buffer):
            self.counters.add(flow.names, size - HEADROOM_BYTES)
        else:
            self.counters.count("drop_queue_full")

    def context(self, ingress: Ingress, now: float) -> Context:
        return Context(ingress, now, self.balancing, self._random_below)

    def expire(self, now: float) -> None:
        self._tracking.expire(now, self.snapshot)

    def _renew(self) -> None:
        """Nothing that was kept is in force any longer."""
        self._generation += 1
        self._set_pace()

    def _set_pace(self) -> None:
        everything = None in self._watchers.values() or self._ring.payloads
        self._fast_generation = _NOBODY if everything else self._generation

    def _handle_any(self, port: Port, buffer: memoryview) -> None:
        """A frame that has to be parsed."""
        frame = buffer[HEADROOM_BYTES:]
        try:
            packet = parse_packet(frame)
            if buffer[0] or buffer[1]:
                packet = with_offload(packet, frame, parse_offload(buffer))
        except PacketError:
            unreadable = Drop(DropReason.CT_TRUNCATED_OR_INVALID_HEADER)
            self.counters.verdict(unreadable, len(frame))
            self._ring.malformed(port.ingress)
            if self._recorder is not None:
                self._recorder.refused(port, buffer, unreadable)
            return
        now = self.clock()
        flow = FlowTuple(packet.protocol, packet.src, packet.src_port, packet.dst, packet.dst_port)
        cached = port.flows.other.get(flow)
        if cached is not None and self._is_current(cached, packet, now):
            self.conntrack.refresh(cached.entry, now, packet.tcp_flags, is_reply=cached.is_reply)
            if packet.tcp_flags & CLOSES:
                self._ring.closing_parsed(self.snapshot, port.ingress, packet, cached)
            if cached.rewrite is not None:
                apply_rewrite(frame, packet, cached.rewrite)
            set_macs(frame, cached.output.mac, self._vtep_mac)
            if cached.output.send(buffer):
                self.counters.add(cached.names, len(frame))
            else:
                self.counters.count("drop_queue_full")
            return
        if self._recorder is None:
            self._decide(port, packet, buffer, flow, now)
            return
        with self._recorder.packet(port, buffer):
            self._decide(port, packet, buffer, flow, now)

    def _is_current(self, cached: CachedFlow, packet: Packet, now: float) -> bool:
        return (
            cached.generation == self._fast_generation
            and cached.entry.expires_at > now
            and packet.ttl > 1
            and packet.wire_bytes <= self._mtu_bytes
            and packet.fragment_offset == 0
            and not packet.more_fragments
            and packet.quoted is None
            and not cached.entry.may_restart(packet.tcp_flags, is_reply=cached.is_reply)
        )

    def _decide(
        self, port: Port, packet: Packet, buffer: memoryview, flow: FlowTuple, now: float
    ) -> None:
        self.counters.count("decided_packets")
        trace: list[Hop] | None = TimedHops() if self._watchers else None
        arrived_ns, context = time.time_ns(), self.context(port.ingress, now)
        ring, snapshot = self._ring, self.snapshot
        decision = decide(snapshot, self.conntrack, packet, context, trace)
        happened = self._carry_out(port, packet, buffer, flow, decision, now)
        if isinstance(happened, Drop | Reject) and happened is not _LOST:
            self.counters.dropped(happened, port.ingress, packet.protocol, decision)
        ring.decided(snapshot, arrived_ns, port.ingress, packet, decision, happened)
        if ring.payloads and happened is decision.verdict:
            frame = buffer[HEADROOM_BYTES:]
            ring.payload(snapshot, arrived_ns, port.ingress, packet, decision, frame)
        if trace is None:
            return
        if happened is not decision.verdict:
            trace.append(not_carried_out(flow, happened))
            decision = replace(decision, verdict=happened)
        for watcher in self._watchers:
            watcher(arrived_ns, port, packet, decision, trace)

    def _carry_out(
        self,
        port: Port,
        packet: Packet,
        buffer: memoryview,
        flow: FlowTuple,
        decision: Decision,
        now: float,
    ) -> Verdict:
        """What became of the packet: the verdict, or the drop that it came to instead."""
        verdict = decision.verdict
        frame = buffer[HEADROOM_BYTES:]
        if not self._tracking.keep(decision, packet, now):
            return self._count(Drop(DropReason.CT_MAP_INSERTION_FAILED), len(frame))
        if decision.is_first_fragment:
            self.conntrack.fragments.remember(datagram_of(packet), flow, now)
        if packet.more_fragments:  # one way through the tunnel for all, or they overtake
            flow = flow._replace(src_port=0, dst_port=0)
        if not isinstance(verdict, Deliver | Encap | ToHost):
            self._count(verdict, len(frame))
            self._answer(port, packet, frame, verdict)
            return verdict
        output = self._output(verdict, flow)
        if output is None:  # in the snapshot, but its device is not (or no longer) here
            return self._count(Drop(DropReason.STALE_OR_UNROUTABLE_IP), len(frame))
        self._remember(port, packet, flow, decision, verdict, output)
        rewritten(frame, packet, decision)
        set_macs(frame, output.mac, self._vtep_mac)
        return self._emit(verdict, output, packet, buffer, decision.fragment_to_bytes)

    def _output(self, verdict: Deliver | Encap | ToHost, flow: FlowTuple) -> Output | None:
        match verdict:
            case Deliver(ip):
                return self._pods.get(ip)
            case Encap(_, underlay, mac):
                return self._tunnel.path(underlay, mac, hash(flow))
            case ToHost():
                return self._host

    def _remember(
        self,
        port: Port,
        packet: Packet,
        flow: FlowTuple,
        decision: Decision,
        verdict: Deliver | Encap | ToHost,
        output: Output,
    ) -> None:
        entry = decision.entry
        if entry is None or packet.fragment_offset or packet.more_fragments:
            return
        if any(ends is None or entry.touches(ends) for ends in self._watchers.values()):
            return
        cached = CachedFlow(
            generation=self._generation,
            entry=entry,
            is_reply=decision.is_reply,
            rewrite=decision.rewrite,
            verdict=verdict,
            output=output,
            macs=output.mac + self._vtep_mac,
            names=counter_names(verdict),
        )
        port.flows.remember(packet, flow, cached)

    def _emit(
        self,
        verdict: Deliver | Encap | ToHost,
        output: Output,
        packet: Packet,
        buffer: memoryview,
        mtu_bytes: int,
    ) -> Verdict:
        """`mtu_bytes`: into fragments of that size, 0: as it is."""
        sent = True
        for part in fragments(buffer, packet, mtu_bytes) if mtu_bytes else (buffer,):
            if output.send(part):
                self.counters.add(counter_names(verdict), len(part) - HEADROOM_BYTES)
                if self._recorder is not None:
                    self._recorder.sent(output, part)
            else:
                self.counters.count("drop_queue_full")
                sent = False
        return verdict if sent else _LOST

    def _count(self, verdict: Verdict, size_bytes: int) -> Verdict:
        self.counters.verdict(verdict, size_bytes)
        return verdict

    def _answer(self, port: Port, packet: Packet, frame: memoryview, verdict: Verdict) -> None:
        match verdict:
            case Reply(kind):
                answer = answer_reply(kind, frame, packet, self._vtep_mac)
            case Reject():
                gateway = self.snapshot.gateway(len(packet.src))
                answer = answer_reject(verdict, frame, packet, gateway)
            case _:
                answer = None
        if answer is None:
            return
        buffer = with_headroom(answer)
        if port.tap is not None:
            if port.tap.send(buffer) and self._recorder is not None:
                self._recorder.sent(port.tap, buffer)
        elif not isinstance(port.ingress, FromTunnel) or packet.quoted is None:
            # The sender is on another node: the answer takes the node's own way there.
            self.handle(self.host_port, buffer)
