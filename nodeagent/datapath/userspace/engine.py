"""Carries out decisions: one frame in, and what `decide` says becomes of it.

The first packet of a flow is decided; the answer is kept beside the port that it came in
through, stamped with the snapshot it was made by. Later packets of the flow take the kept
answer as long as that snapshot is in force, the flow is tracked and nobody observes.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from netcore.conntrack.entry import ConntrackEntry
from netcore.conntrack.fragments import datagram_of
from netcore.conntrack.table import ConntrackTable
from netcore.conntrack.tuple import FlowTuple
from netcore.model.address import text
from netcore.model.errors import PacketError
from netcore.packet.fragment import fragment_ipv4
from netcore.packet.packet import Packet, parse_packet
from netcore.packet.rewrite import Rewrite, apply_rewrite, rewrite_quoted, set_macs
from netcore.packet.vxlan import encode_vxlan
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
from nodeagent.datapath.userspace.counters import Counters
from nodeagent.datapath.userspace.devices import Tap
from nodeagent.edges.vxlan_socket import VxlanSocket

if TYPE_CHECKING:
    from netcore.service.frontend import FrontendKey

_CACHED_FLOWS_PER_PORT = 16_384


@dataclass(frozen=True, slots=True)
class CachedFlow:
    """What to do with further packets of one direction of a tracked flow."""

    snapshot: Snapshot
    entry: ConntrackEntry
    is_reply: bool
    rewrite: Rewrite | None
    verdict: Deliver | Encap | ToHost


@dataclass(slots=True)
class Port:
    """Where frames come in. `tap` takes what is sent straight back; a tunnel has none."""

    ingress: Ingress
    label: str
    tap: Tap | None
    cache: dict[FlowTuple, CachedFlow] = field(default_factory=dict)


Watcher = Callable[[Port, Packet, Decision, list[Hop]], None]


class Engine:
    """Belongs to the datapath's thread; nothing here is safe to call from another."""

    def __init__(self, snapshot: Snapshot, tunnel: VxlanSocket, host: Tap, vtep_mac: bytes) -> None:
        self.snapshot = snapshot
        self.conntrack = ConntrackTable()
        self.counters = Counters()
        self.watchers: list[Watcher] = []
        self._tunnel = tunnel
        self._host = host
        self._vtep_mac = vtep_mac
        self._host_port = Port(FromHost(), "host", host)
        self._pods: dict[bytes, Tap] = {}
        self._turns: dict[FrontendKey, int] = {}
        self._random_below = random.SystemRandom().randrange
        self._vxlan_header = encode_vxlan(snapshot.config.vni)

    @property
    def host_port(self) -> Port:
        return self._host_port

    def add_pod(self, ips: tuple[bytes, ...], tap: Tap) -> None:
        self._pods.update((ip, tap) for ip in ips)

    def remove_pod(self, ips: tuple[bytes, ...]) -> None:
        for ip in ips:
            self._pods.pop(ip, None)

    def has_pod(self, ip: bytes) -> bool:
        return ip in self._pods

    def use(self, snapshot: Snapshot) -> None:
        """Decide by `snapshot` from the next packet on; turns of gone frontends are forgotten."""
        gone = [key for key in self._turns if key not in snapshot.frontends]
        for key in gone:
            del self._turns[key]
        self.snapshot = snapshot

    def handle(self, port: Port, frame: memoryview) -> None:
        """One whole frame, which may be rewritten in place."""
        try:
            packet = parse_packet(frame)
        except PacketError:
            self.counters.verdict(Drop(DropReason.CT_TRUNCATED_OR_INVALID_HEADER), len(frame))
            return
        now = time.monotonic()
        flow = FlowTuple(packet.protocol, packet.src, packet.src_port, packet.dst, packet.dst_port)
        cached = port.cache.get(flow)
        if cached is not None and not self.watchers and self._is_current(cached, packet, now):
            self.conntrack.refresh(cached.entry, now, packet.tcp_flags, is_reply=cached.is_reply)
            if cached.rewrite is not None:
                apply_rewrite(frame, packet, cached.rewrite)
            self._emit(cached.verdict, frame, flow)
            return
        self._decide(port, packet, frame, flow, now)

    def context(self, ingress: Ingress, now: float) -> Context:
        return Context(ingress, now, self._turns, self._random_below)

    def expire(self, now: float) -> None:
        self.conntrack.expire(now)

    def _is_current(self, cached: CachedFlow, packet: Packet, now: float) -> bool:
        return (
            cached.snapshot is self.snapshot
            and cached.entry.expires_at > now
            and packet.ttl > 1
            and packet.ip_length <= cached.snapshot.config.pod_mtu_bytes
            and packet.fragment_offset == 0
            and not packet.more_fragments
            and packet.quoted is None
            and not cached.entry.may_restart(packet.tcp_flags, is_reply=cached.is_reply)
        )

    def _decide(
        self, port: Port, packet: Packet, frame: memoryview, flow: FlowTuple, now: float
    ) -> None:
        trace: list[Hop] | None = [] if self.watchers else None
        context = self.context(port.ingress, now)
        decision = decide(self.snapshot, self.conntrack, packet, context, trace)
        if trace is not None:
            for watcher in self.watchers:
                watcher(port, packet, decision, trace)
        if not self._track(decision, packet, now):
            refused = Drop(DropReason.CT_MAP_INSERTION_FAILED)
            self.counters.verdict(refused, len(frame))
            return
        if decision.is_first_fragment:
            self.conntrack.fragments.remember(datagram_of(packet), flow, now)
        if packet.more_fragments:  # one way through the tunnel for all, or they overtake
            flow = flow._replace(src_port=0, dst_port=0)
        verdict = decision.verdict
        if isinstance(verdict, Deliver | Encap | ToHost):
            self._remember(port, packet, flow, decision, verdict)
            self._rewrite(frame, packet, decision)
            if decision.fragment_to_bytes:
                self._emit_fragments(verdict, frame, flow, decision.fragment_to_bytes)
            else:
                self._emit(verdict, frame, flow)
        else:
            self._answer(port, packet, frame, verdict)

    def _track(self, decision: Decision, packet: Packet, now: float) -> bool:
        entry = decision.entry
        if entry is None:
            return True
        if not decision.is_new:
            self.conntrack.refresh(entry, now, packet.tcp_flags, is_reply=decision.is_reply)
            return True
        if decision.replaces is not None:
            self.conntrack.remove(decision.replaces)
        if not self.conntrack.insert(entry, now):
            return False
        if decision.turn_of is not None:
            self._turns[decision.turn_of] = self._turns.get(decision.turn_of, 0) + 1
        return True

    def _remember(
        self,
        port: Port,
        packet: Packet,
        flow: FlowTuple,
        decision: Decision,
        verdict: Deliver | Encap | ToHost,
    ) -> None:
        entry = decision.entry
        if entry is None or packet.fragment_offset or packet.more_fragments:
            return
        if len(port.cache) >= _CACHED_FLOWS_PER_PORT:
            port.cache.clear()
        port.cache[flow] = CachedFlow(
            self.snapshot, entry, decision.is_reply, decision.rewrite, verdict
        )

    @staticmethod
    def _rewrite(frame: memoryview, packet: Packet, decision: Decision) -> None:
        if decision.quoted_rewrite is not None:
            rewrite_quoted(frame, packet, decision.quoted_rewrite)
        if decision.rewrite is not None:
            apply_rewrite(frame, packet, decision.rewrite)

    def _emit_fragments(
        self, verdict: Deliver | Encap | ToHost, frame: memoryview, flow: FlowTuple, mtu: int
    ) -> None:
        for fragment in fragment_ipv4(frame, parse_packet(frame), mtu):
            self._emit(verdict, memoryview(bytearray(fragment)), flow)

    def _emit(self, verdict: Deliver | Encap | ToHost, frame: memoryview, flow: FlowTuple) -> None:
        if isinstance(verdict, Encap):
            sent = self._send_tunnel(verdict, frame, flow)
        else:
            tap = self._pods.get(verdict.ip) if isinstance(verdict, Deliver) else self._host
            if tap is None:  # in the snapshot, but its device is not (or no longer) here
                self.counters.verdict(Drop(DropReason.STALE_OR_UNROUTABLE_IP), len(frame))
                return
            set_macs(frame, tap.mac, self._vtep_mac)
            sent = tap.write(frame)
        if sent:
            self.counters.verdict(verdict, len(frame))
        else:
            self.counters.count("drop_queue_full")

    def _send_tunnel(self, verdict: Encap, frame: memoryview, flow: FlowTuple) -> bool:
        set_macs(frame, verdict.vtep_mac, self._vtep_mac)
        try:
            self._tunnel.send(hash(flow), (self._vxlan_header, frame), text(verdict.underlay))
        except OSError:
            return False
        return True

    def _answer(self, port: Port, packet: Packet, frame: memoryview, verdict: Verdict) -> None:
        self.counters.verdict(verdict, len(frame))
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
        if port.tap is not None:
            port.tap.write(answer)
        elif not isinstance(port.ingress, FromTunnel) or packet.quoted is None:
            # The sender is on another node: the answer takes the node's own way there.
            self.handle(self._host_port, memoryview(bytearray(answer)))
