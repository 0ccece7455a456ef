"""Carries decisions out on paper: `decide`, then conntrack, balancing and rewrites, as a datapath.

Every packet is decided twice, with a trace and without, and both must agree.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from netcore.conntrack.entry import ConntrackEntry
from netcore.conntrack.fragments import datagram_of
from netcore.conntrack.table import ConntrackTable
from netcore.packet.packet import Packet, parse_packet
from netcore.packet.rewrite import apply_rewrite, rewrite_quoted
from netcore.pipeline.context import Context, FromPod, Ingress
from netcore.pipeline.decide import decide
from netcore.pipeline.snapshot import Snapshot
from netcore.pipeline.stages.tracking import flow_of
from netcore.pipeline.trace import Hop, Stage
from netcore.pipeline.verdict import Decision, Drop, Reject, Reply, Verdict
from netcore.service.balancing import BalancingTable, NextTurn
from netcore.service.frontend import FrontendKey


@dataclass(frozen=True)
class Outcome:
    """`frame` and `packet` are as they leave."""

    decision: Decision
    hops: tuple[Hop, ...]
    frame: bytearray
    packet: Packet

    @property
    def verdict(self) -> Verdict:
        return self.decision.verdict

    @property
    def stages(self) -> list[Stage]:
        return [hop.stage for hop in self.hops]

    @property
    def ends(self) -> tuple[bytes, int, bytes, int]:
        packet = self.packet
        return packet.src, packet.src_port, packet.dst, packet.dst_port

    def why(self, stage: Stage) -> str:
        """What a stage said; fails when it said nothing or more than one thing."""
        (found,) = [hop for hop in self.hops if hop.stage is stage]
        return f"{found.rule} | {found.why}"


@dataclass
class Decider:
    """One node's decisions, packet after packet. `now_s` stands still unless a test moves it."""

    snapshot: Snapshot
    flows: ConntrackTable = field(default_factory=ConntrackTable)
    balancing: BalancingTable = field(default_factory=BalancingTable)
    now_s: float = 1000.0
    random_below: Callable[[int], int] = lambda n: 0

    def turn_to(self, frontend: FrontendKey, turn: int) -> None:
        """The next connection to `frontend` goes to this backend."""
        self.balancing.commit([NextTurn(frontend, turn)], self.now_s)

    def send(self, frame: bytes | bytearray, ingress: Ingress) -> Outcome:
        """Decide and carry out. A frame of a pod gets that pod's MAC."""
        frame = bytearray(frame)
        if isinstance(ingress, FromPod):
            frame[6:12] = ingress.mac
        return self.send_raw(frame, ingress)

    def send_raw(self, frame: bytearray, ingress: Ingress) -> Outcome:
        packet = parse_packet(frame)
        decision, hops = self.decide(packet, ingress)
        self._track(decision, packet)
        if decision.is_first_fragment:
            self.flows.fragments.remember(datagram_of(packet), flow_of(packet), self.now_s)
        if decision.quoted_rewrite is not None:
            rewrite_quoted(frame, packet, decision.quoted_rewrite)
        if decision.rewrite is not None and not isinstance(decision.verdict, Drop | Reject | Reply):
            apply_rewrite(frame, packet, decision.rewrite)
        return Outcome(decision, hops, frame, parse_packet(frame))

    def decide(self, packet: Packet, ingress: Ingress) -> tuple[Decision, tuple[Hop, ...]]:
        """Changes nothing. Fails when a trace changes the decision."""
        ctx = Context(ingress, self.now_s, self.balancing, self.random_below)
        hops: list[Hop] = []
        decision = decide(self.snapshot, self.flows, packet, ctx, hops)
        silent = decide(self.snapshot, self.flows, packet, ctx)
        assert comparable(silent) == comparable(decision), "a trace must not change the decision"
        return decision, tuple(hops)

    def _track(self, decision: Decision, packet: Packet) -> None:
        entry = decision.entry
        if entry is None:
            return
        if not decision.is_new:
            self.flows.refresh(entry, self.now_s, packet.tcp_flags, is_reply=decision.is_reply)
            return
        if decision.replaces is not None:
            self.flows.remove(decision.replaces)
        assert self.flows.insert(entry, self.now_s), "decide must only name flows there is room for"
        self.balancing.commit(decision.balancing, self.now_s)


def comparable(decision: Decision) -> tuple[object, ...]:
    """A decision as a value: entries are compared by what they say, not by who they are."""
    return (
        decision.verdict,
        decision.rewrite,
        _entry(decision.entry),
        decision.is_new,
        _entry(decision.replaces),
        decision.is_reply,
        decision.balancing,
        decision.quoted_rewrite,
        decision.fragment_to_bytes,
        decision.is_first_fragment,
    )


def _entry(entry: ConntrackEntry | None) -> tuple[object, ...] | None:
    return entry and (entry.original, entry.reply, entry.state, entry.service)
