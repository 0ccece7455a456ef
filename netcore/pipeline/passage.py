"""One packet on its way through the stages."""

from dataclasses import dataclass

from netcore.conntrack.entry import ConntrackEntry
from netcore.conntrack.table import FlowView
from netcore.conntrack.tuple import FlowTuple
from netcore.packet.packet import Packet
from netcore.pipeline.context import Context
from netcore.pipeline.snapshot import Snapshot
from netcore.pipeline.trace import Hop, Stage
from netcore.policy.judgement import Judgement
from netcore.service.balancing import Update
from netcore.service.frontend import Frontend


@dataclass(slots=True)
class Passage:
    """What the stages share. `flow` is the tuple as it is now, after what was rewritten so far;
    `original` is the packet's own. `masquerade_why`: the source has to be the node's own, and why.
    """

    snapshot: Snapshot
    flows: FlowView
    packet: Packet
    ctx: Context
    trace: list[Hop] | None
    original: FlowTuple
    flow: FlowTuple
    entry: ConntrackEntry | None = None
    is_reply: bool = False
    replaces: ConntrackEntry | None = None
    frontend: Frontend | None = None
    balancing: tuple[Update, ...] = ()
    masquerade_why: str = ""
    judgements: tuple[Judgement, ...] = ()

    @property
    def is_fragment(self) -> bool:
        """A fragment other than the first: it has no ports to go by."""
        return self.packet.fragment_offset > 0

    @property
    def is_first_fragment(self) -> bool:
        """It has the ports that the fragments after it do without."""
        return self.packet.more_fragments and self.packet.fragment_offset == 0

    def hop(self, stage: Stage, rule: str, why: str, after: FlowTuple | None = None) -> None:
        """Note what a stage did. Callers format `rule` and `why` only when `trace` is wanted."""
        if self.trace is not None:
            self.trace.append(Hop(stage, rule, self.flow, after or self.flow, why))
