"""Which packets are the traced one and its answers: by the source port that the trace reserved.

The sender's address and port are the mark: nothing else has them while the trace runs, because
its socket holds the port. They survive the translation of the destination. Where the source is
translated, too, the new flow is looked for as the node that did it reports it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kubehop.tracing.journey import Flow, Sight

_ABOUT = re.compile(r", about (\S+) (\S+ -> \S+), ")
_MAX_ROUNDS = 16


class Ends(NamedTuple):
    """A flow as a key."""

    protocol: str
    source: str
    source_port: int
    destination: str
    destination_port: int

    @classmethod
    def of(cls, flow: Flow) -> Ends:
        """From a flow, or from a line of type `sending`."""
        return cls(
            flow["protocol"],
            flow["source"],
            flow["sourcePort"],
            flow["destination"],
            flow["destinationPort"],
        )

    @property
    def reversed(self) -> Ends:
        return Ends(
            self.protocol,
            self.destination,
            self.destination_port,
            self.source,
            self.source_port,
        )

    def __str__(self) -> str:
        """As nodes write the packet that an ICMP error is about."""
        if self.protocol not in ("TCP", "UDP", "SCTP"):
            return f"{self.source} -> {self.destination}"
        source = _written(self.source, self.source_port)
        return f"{source} -> {_written(self.destination, self.destination_port)}"


@dataclass(frozen=True, slots=True)
class Followed:
    """Sights of one flow, by direction, each in the order in which they were given."""

    requests: tuple[Sight, ...] = ()
    replies: tuple[Sight, ...] = ()


def follow(sights: Sequence[Sight], sent: Iterable[dict[str, Any]]) -> Followed:
    """The sights of the flows `sent`, of their answers, and of ICMP errors about them."""
    ways = {Ends.of(flow) for flow in sent}
    ways |= _marked(sights, {way[:3] for way in ways})
    for _ in range(_MAX_ROUNDS):
        found = {
            Ends.of(sight.left)
            for sight in sights
            if sight.arrived and sight.left and Ends.of(sight.arrived) in ways
        }
        if found <= ways:
            break
        ways |= found
    answers = {way.reversed for way in ways}
    errors = {(way.protocol, str(way)) for way in ways | answers}
    requests, replies = [], []
    for sight in sights:
        ends = sight.arrived and Ends.of(sight.arrived)
        if ends in answers and _is_echo_reply(sight):
            replies.append(sight)
        elif ends in ways:
            requests.append(sight)
        elif ends in answers or _about(sight) in errors:
            replies.append(sight)
    return Followed(tuple(requests), tuple(replies))


def _marked(sights: Sequence[Sight], marks: set[tuple[str, str, int]]) -> set[Ends]:
    """Flows with the mark, also those whose first node could not be asked; of answers reversed."""
    found = {Ends.of(sight.arrived) for sight in sights if sight.arrived}
    asked = {ends for ends in found if ends[:3] in marks}
    return asked | {ends.reversed for ends in found if ends.reversed[:3] in marks}


def _is_echo_reply(sight: Sight) -> bool:
    """One that a host sends to itself has the same ends both ways."""
    return " echo reply " in sight.summary


def _about(sight: Sight) -> tuple[str, str] | None:
    found = _ABOUT.search(sight.summary)
    return (found[1], found[2]) if found else None


def _written(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
