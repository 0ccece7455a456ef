"""Watching packets as they are decided, and asking what would become of one."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from netcore.conntrack.tuple import FlowTuple
from netcore.model.address import text
from netcore.packet.describe import describe
from netcore.packet.packet import Packet
from netcore.packet.protocols import ETHERTYPE_IPV4, ETHERTYPE_IPV6, PROTOCOL_TCP, TCP_SYN
from netcore.pipeline.context import FromHost, FromPod, FromTunnel, Ingress
from netcore.pipeline.decide import decide
from netcore.pipeline.trace import Hop
from netcore.pipeline.verdict import Decision, Encap
from nodeagent.datapath.base import Observation, ObservationFilter
from nodeagent.datapath.details import OuterHeader, TrackedFlow
from nodeagent.datapath.userspace.engine import Engine, Port
from nodeagent.datapath.userspace.loop import PacketLoop
from nodeagent.datapath.userspace.timed_hops import TimedHops


def probe(engine: Engine, flow: FlowTuple, ingress: Ingress) -> Observation:
    """What would become of a first packet of `flow`; nothing is sent or changed."""
    packet = _first_packet(flow, ingress)
    trace: list[Hop] = []
    context = engine.context(ingress, engine.clock())
    decision = decide(engine.snapshot, engine.conntrack, packet, context, trace)
    return _observation(time.time_ns(), _label(ingress), packet, decision, trace)


@dataclass(slots=True, eq=False)
class Watcher:
    """Reports the packets that one observer asked for. `outer_of`: what a tunnel puts around."""

    wanted: ObservationFilter
    report: Callable[[Observation], None]
    outer_of: Callable[[Packet, Encap], OuterHeader] | None = None

    def __call__(
        self, time_ns: int, port: Port, packet: Packet, decision: Decision, trace: list[Hop]
    ) -> None:
        if self.wanted.protocol not in (None, packet.protocol):
            return
        entry = decision.entry
        wanted = self.wanted.addresses
        if wanted.isdisjoint((packet.src, packet.dst)) and not (entry and entry.touches(wanted)):
            return
        found = _observation(time_ns, port.label, packet, decision, trace)
        if self.outer_of is not None and isinstance(decision.verdict, Encap):
            found = replace(found, outer=self.outer_of(packet, decision.verdict))
        self.report(found)


class RunningObservation:
    def __init__(self, loop: PacketLoop, engine: Engine, watcher: Watcher) -> None:
        self._loop, self._engine, self._watcher = loop, engine, watcher

    def close(self) -> None:
        self._loop.call(lambda: self._engine.unwatch(self._watcher))


def _observation(
    time_ns: int, label: str, packet: Packet, decision: Decision, trace: list[Hop]
) -> Observation:
    return Observation(
        time_ns,
        label,
        describe(packet),
        tuple(trace),
        decision.verdict,
        hop_times_ns=tuple(trace.times_ns) if isinstance(trace, TimedHops) else (),
        ttl=packet.ttl,
        tracked=TrackedFlow.of(decision),
    )


def _label(ingress: Ingress) -> str:
    match ingress:
        case FromPod(ips):
            return f"pod {text(ips[0])}" if ips else "pod"
        case FromTunnel(underlay):
            return f"tunnel {text(underlay)}"
        case FromHost():
            return "host"


def _first_packet(flow: FlowTuple, ingress: Ingress) -> Packet:
    """The packet that would open `flow`: a SYN for TCP, small, with a fresh hop limit."""
    wide = len(flow.dst) == 16
    return Packet(
        dst_mac=b"\0" * 6,
        src_mac=ingress.mac if isinstance(ingress, FromPod) else b"\0" * 6,
        ethertype=ETHERTYPE_IPV6 if wide else ETHERTYPE_IPV4,
        src=flow.src,
        dst=flow.dst,
        protocol=flow.protocol,
        src_port=flow.src_port,
        dst_port=flow.dst_port,
        icmp_type=-1,
        icmp_code=-1,
        tcp_flags=TCP_SYN if flow.protocol == PROTOCOL_TCP else 0,
        ttl=64,
        dont_fragment=True,
        fragment_offset=0,
        more_fragments=False,
        l3_offset=14,
        l4_offset=54 if wide else 34,
        ip_length=60 if wide else 40,
        quoted=None,
    )
