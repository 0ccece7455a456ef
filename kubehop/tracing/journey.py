"""From what single nodes saw of packets to the ways that packets went."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

Flow = dict[str, Any]

_MAX_LOOK_AHEAD = 256
_ENDS = re.compile(r" \S+ -> \S+,")


@dataclass(frozen=True, slots=True)
class Sight:
    """One packet as one node decided it."""

    node: str
    ingress: str
    summary: str
    hops: tuple[dict[str, Any], ...]
    verdict: str
    verdict_detail: str

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
    def came_by_tunnel(self) -> bool:
        return self.ingress.startswith("tunnel")


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

    A packet that a node sends into the tunnel is the next one that comes out of it elsewhere
    with the same flow and the same contents.
    """
    arrivals: dict[int, int] = {}
    taken: set[int] = set()
    for index, sight in enumerate(sights):
        if sight.verdict == "Encap" and (arrival := _arrival(sights, index, taken)) is not None:
            arrivals[index] = arrival
            taken.add(arrival)
    return [
        Journey([sight, *([sights[arrivals[index]]] if index in arrivals else [])])
        for index, sight in enumerate(sights)
        if index not in taken
    ]


def _arrival(sights: Sequence[Sight], start: int, taken: set[int]) -> int | None:
    sent = sights[start]
    # Nodes' clocks may differ by a moment: the arrival can stand before the departure.
    window = range(max(0, start - 8), min(len(sights), start + _MAX_LOOK_AHEAD))
    for index in window:
        sight = sights[index]
        if (
            index not in taken
            and sight.came_by_tunnel
            and sight.node != sent.node
            and sight.arrived == sent.left
            and sight.contents == sent.contents
        ):
            return index
    return None
