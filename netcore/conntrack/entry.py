"""One tracked flow: both of its directions and what is rewritten in each."""

from dataclasses import dataclass, field

from netcore.conntrack.timeouts import FlowState
from netcore.conntrack.tuple import FlowTuple
from netcore.packet.protocols import TCP_SYN
from netcore.packet.rewrite import Rewrite


@dataclass(slots=True, eq=False)
class ConntrackEntry:
    """`original` as the first packet was sent; `reply` as its answer is expected to arrive.

    Without translation `reply` is `original` reversed. Only ConntrackTable writes to
    `state`, `expires_at` (monotonic seconds; the past once it is forgotten), `slot` (of its
    wheel) and the packet counts.
    """

    original: FlowTuple
    reply: FlowTuple
    state: FlowState
    expires_at: float = 0.0
    slot: int = 0
    service: str = ""
    packets: list[int] = field(default_factory=lambda: [0, 0])

    @property
    def is_dnat(self) -> bool:
        return (self.original.dst, self.original.dst_port) != (
            self.reply.src,
            self.reply.src_port,
        )

    @property
    def is_snat(self) -> bool:
        return (self.original.src, self.original.src_port) != (
            self.reply.dst,
            self.reply.dst_port,
        )

    def may_restart(self, tcp_flags: int, *, is_reply: bool) -> bool:
        """Whether a packet opens a finished TCP flow anew: a client reuses its port."""
        return (
            bool(tcp_flags & TCP_SYN)
            and not is_reply
            and self.state in (FlowState.TIME_WAIT, FlowState.CLOSE)
        )

    def translated(self, *, is_reply: bool) -> FlowTuple:
        """The tuple that a packet of this direction has after translation."""
        return self.original.reversed() if is_reply else self.reply.reversed()


def rewrite_between(before: FlowTuple, after: FlowTuple) -> Rewrite | None:
    """What turns a packet of flow `before` into one of `after`; None when they are equal."""
    if before == after:
        return None
    return Rewrite(
        src=after.src if after.src != before.src else None,
        src_port=after.src_port if after.src_port != before.src_port else None,
        dst=after.dst if after.dst != before.dst else None,
        dst_port=after.dst_port if after.dst_port != before.dst_port else None,
        decrement_ttl=False,
    )
