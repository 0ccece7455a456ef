"""From what single nodes saw of packets to the ways that packets went."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

Flow = dict[str, Any]

_MAX_LOOK_AHEAD = 256
_MAX_SIGHTS = 8
_ENDS = re.compile(r" \S+ -> \S+,")
_IDENTIFIER = re.compile(r" id \d+,")


@dataclass(frozen=True, slots=True)
class Sight:
    """One packet as one node decided it."""

    node: str
    ingress: str
    summary: str
    hops: tuple[dict[str, Any], ...]
    verdict: str
    verdict_detail: str
    time: str = ""
    ttl: int = 0
    outer: dict[str, Any] | None = None
    conntrack: dict[str, Any] | None = None

    @classmethod
    def of(cls, line: dict[str, Any]) -> Sight:
        """From a line of type `packet` of the trace extension."""
        return cls(
            line["node"],
            line["ingress"],
            line["summary"],
            tuple(line["hops"]),
            line["verdict"],
            line["verdictDetail"],
            line.get("time", ""),
            line.get("ttl", 0),
            line.get("outer"),
            line.get("conntrack"),
        )

    @property
    def arrived(self) -> Flow | None:
        """The flow before the first hop."""
        return next((hop["before"] for hop in self.hops if hop["before"]), None)

    @property
    def left(self) -> Flow | None:
        """The flow after the last hop."""
        return next((hop["after"] for hop in reversed(self.hops) if hop["after"]), None)

    @property
    def contents(self) -> str:
        """The summary without the ends, which change on the way: "TCP SYN, 60 bytes"."""
        return _ENDS.sub(",", self.summary)

    @property
    def invariant(self) -> str:
        """The contents without what masquerade changes: the identifier of an echo."""
        return _IDENTIFIER.sub("", self.contents)

    @property
    def came_by_tunnel(self) -> bool:
        return self.ingress.startswith("tunnel")

    def may_follow(self, sent: Sight) -> bool:
        """Whether this can be the same packet, one node later: out of the tunnel, or in from the
        network around the nodes.
        """
        arrives = self.came_by_tunnel if sent.verdict == "Encap" else self.ingress == "host"
        return (
            arrives
            and self.node != sent.node
            and self.arrived == sent.left
            and self.invariant == sent.invariant
        )


@dataclass(slots=True)
class Journey:
    """One packet's way over one or more nodes."""

    sights: list[Sight] = field(default_factory=list)

    @property
    def first(self) -> Sight:
        return self.sights[0]

    @property
    def last(self) -> Sight:
        return self.sights[-1]

    @property
    def kind(self) -> tuple[str, str, str]:
        """What it has in common with journeys of the same way: protocol and both ends."""
        flow = self.first.arrived or {}
        return (
            str(flow.get("protocol", "")),
            f"{flow.get('source')}:{flow.get('sourcePort')}",
            f"{flow.get('destination')}:{flow.get('destinationPort')}",
        )


def journeys(sights: Sequence[Sight]) -> list[Journey]:
    """What belongs to one packet joined, in the order in which the packets set out.

    A packet that a node sends into the tunnel, or out to another node, is the next one that comes
    in elsewhere with the same flow and the same contents.
    """
    arrivals: dict[int, int] = {}
    taken: set[int] = set()
    for index, sight in enumerate(sights):
        if sight.verdict not in ("Encap", "ToHost"):
            continue
        if (arrival := _arrival(sights, index, taken)) is not None:
            arrivals[index] = arrival
            taken.add(arrival)
    return [_journey(sights, index, arrivals) for index in range(len(sights)) if index not in taken]


def _journey(sights: Sequence[Sight], index: int, arrivals: dict[int, int]) -> Journey:
    journey = Journey([sights[index]])
    while index in arrivals and len(journey.sights) < _MAX_SIGHTS:
        index = arrivals[index]
        journey.sights.append(sights[index])
    return journey


def _arrival(sights: Sequence[Sight], start: int, taken: set[int]) -> int | None:
    # Nodes' clocks may differ by a moment: the arrival can stand before the departure.
    for index in range(max(0, start - 8), min(len(sights), start + _MAX_LOOK_AHEAD)):
        if index not in taken and index != start and sights[index].may_follow(sights[start]):
            return index
    return None
