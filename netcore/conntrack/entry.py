"""One tracked flow: both of its directions and what is rewritten in each."""

from netcore.conntrack.timeouts import FlowState
from netcore.conntrack.tuple import FlowTuple, pack_flow, unpack_flow
from netcore.packet.protocols import TCP_SYN
from netcore.packet.rewrite import Rewrite

BackendKey = tuple[tuple[bytes, int, int], tuple[bytes, int]]
"""A frontend (address, protocol, port) and one of its backends (address, port)."""


class ConntrackEntry:
    """`original` as the first packet was sent; `reply` as its answer is expected to arrive.

    Without translation `reply` is `original` reversed. Both are kept packed: there may be a
    hundred thousand of these. Only ConntrackTable writes to `state`, `expires_at` (monotonic
    seconds; the past once it is forgotten), `slot` (of its wheel; -1: in none) and the packet
    counts. `frontend` is the (address, protocol, port) of the Service that it was made through,
    `service` its name.
    """

    __slots__ = (
        "expires_at",
        "frontend",
        "original_key",
        "original_packets",
        "reply_key",
        "reply_packets",
        "service",
        "slot",
        "state",
    )

    def __init__(
        self,
        original: FlowTuple,
        reply: FlowTuple,
        state: FlowState,
        expires_at: float = 0.0,
        service: str = "",
        frontend: tuple[bytes, int, int] | None = None,
    ) -> None:
        self.original_key = pack_flow(original)
        self.reply_key = pack_flow(reply)
        self.state = state
        self.expires_at = expires_at
        self.service = service
        self.frontend = frontend
        self.slot = -1
        self.original_packets = 0
        self.reply_packets = 0

    @property
    def original(self) -> FlowTuple:
        return unpack_flow(self.original_key)

    @property
    def reply(self) -> FlowTuple:
        return unpack_flow(self.reply_key)

    @property
    def packets(self) -> tuple[int, int]:
        """How many were seen in the original and in the reply direction."""
        return self.original_packets, self.reply_packets

    @property
    def is_dnat(self) -> bool:
        original, reply = self.original, self.reply
        return (original.dst, original.dst_port) != (reply.src, reply.src_port)

    @property
    def is_snat(self) -> bool:
        original, reply = self.original, self.reply
        return (original.src, original.src_port) != (reply.dst, reply.dst_port)

    @property
    def backend_key(self) -> BackendKey | None:
        """Through which frontend to which backend it goes; None without a Service."""
        if self.frontend is None:
            return None
        reply = self.reply
        return self.frontend, (reply.src, reply.src_port)

    def has_end(self, addresses: frozenset[bytes]) -> bool:
        """Whether one of these has sent its first packet, or is who answers."""
        return self.original.src in addresses or self.reply.src in addresses

    def touches(self, addresses: frozenset[bytes]) -> bool:
        """Whether one of its four ends, before or after translation, is one of these."""
        original, reply = self.original, self.reply
        return not addresses.isdisjoint((original.src, original.dst, reply.src, reply.dst))

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


def rewrite_between(
    before: FlowTuple, after: FlowTuple, *, decrement_ttl: bool = False
) -> Rewrite | None:
    """What turns a packet of flow `before` into one of `after`; None when nothing changes."""
    if before == after:
        return _DECREMENT_TTL if decrement_ttl else None
    return Rewrite(
        src=after.src if after.src != before.src else None,
        src_port=after.src_port if after.src_port != before.src_port else None,
        dst=after.dst if after.dst != before.dst else None,
        dst_port=after.dst_port if after.dst_port != before.dst_port else None,
        decrement_ttl=decrement_ttl,
    )


_DECREMENT_TTL = Rewrite(src=None, src_port=None, dst=None, dst_port=None, decrement_ttl=True)
