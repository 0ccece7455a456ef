"""What an observation tells of a packet besides its hops."""

from dataclasses import dataclass

from netcore.conntrack.tuple import FlowTuple
from netcore.pipeline.verdict import Decision


@dataclass(frozen=True, slots=True)
class OuterHeader:
    """The IP, UDP and VXLAN headers around a frame (RFC 7348), and its entry in the FDB.

    Addresses are packed. `destination_mac` is the 6 bytes of the VTEP behind `destination`.
    """

    source: bytes
    source_port: int
    destination: bytes
    destination_port: int
    vni: int
    ttl: int
    destination_mac: bytes


@dataclass(frozen=True, slots=True)
class TrackedFlow:
    """A conntrack entry as it was after a packet. `state` is Linux's name for it."""

    state: str
    is_new: bool
    is_reply: bool
    original: FlowTuple
    reply: FlowTuple
    service: str

    @classmethod
    def of(cls, decision: Decision) -> "TrackedFlow | None":
        """The entry that a decision names, None where nothing is tracked."""
        entry = decision.entry
        if entry is None:
            return None
        return cls(
            entry.state.label,
            decision.is_new,
            decision.is_reply,
            entry.original,
            entry.reply,
            entry.service,
        )
