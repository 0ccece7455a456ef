"""A traced packet as a picture: one lane a node, boxes in order. Says nothing about how to draw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from kubehop.tracing.outcome import REFUSED
from kubehop.tracing.packet_text import details, headline, microseconds, tracked
from kubehop.tracing.render import arrival, rewrites

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubehop.tracing.journey import Journey, Sight
    from kubehop.tracing.names import Names
    from kubehop.tracing.outcome import Outcome
    from kubehop.tracing.packet_trace import PacketTrace

Kind = Literal["place", "hop", "drop", "title"]


@dataclass(frozen=True, slots=True)
class Step:
    """A box in a lane. `over` is what carries the packet here from the step before, when that is
    in another lane. `title`: the heading of a part, in no lane.
    """

    kind: Kind
    lane: int
    title: str
    lines: tuple[str, ...] = ()
    over: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """What is to be drawn, top down."""

    title: str
    lanes: tuple[str, ...]
    steps: tuple[Step, ...]
    outcome: str
    is_bad: bool


def picture(trace: PacketTrace, ended: Outcome, names: Names) -> Picture:
    """The packet's and its answer's way."""
    lanes: dict[str, int] = {}
    for _, journey in trace.parts():
        for sight in journey.sights:
            lanes.setdefault(sight.node, len(lanes))
    steps: list[Step] = []
    if trace.lookup is not None and trace.lookup["questions"]:
        steps += _dns(trace)
    for direction, journey in trace.parts():
        steps.append(Step("title", 0, f"{direction}: {journey.first.contents}"))
        steps += _way(journey, lanes, trace, names)
    for node, message in trace.warnings:
        steps.append(Step("title", 0, f"not observed: {f'node {node}: ' if node else ''}{message}"))
    return Picture(
        headline(trace),
        tuple(f"node {node}" for node in lanes) or ("no node saw the packet",),
        tuple(steps),
        f"{ended.kind}: {ended.sentence}",
        ended.exit_code >= REFUSED,
    )


def _dns(trace: PacketTrace) -> Iterator[Step]:
    lookup = trace.lookup or {}
    for asked in lookup["questions"]:
        found = ", ".join(asked["addresses"]) or asked["rcode"]
        yield Step(
            "title", 0, f"DNS {asked['name']} {asked['type']}: {found} ({asked['ms']:.1f} ms)"
        )


def _way(
    journey: Journey, lanes: dict[str, int], trace: PacketTrace, names: Names
) -> Iterator[Step]:
    carrier = ""
    for sight in journey.sights:
        lane = lanes[sight.node]
        yield Step("place", lane, arrival(sight, names), over=carrier)
        for index, hop in enumerate(sight.hops):
            is_stop = index == len(sight.hops) - 1 and sight.verdict in ("Drop", "Reject")
            at = f"+{microseconds(trace, hop['time'])} us " if hop.get("time") else ""
            lines = (hop["why"], f"[{hop['rule']}]", *rewrites(hop, names), *details(hop, sight))
            if is_stop:
                word = "DROPPED" if sight.verdict == "Drop" else "REJECTED"
                lines = (f"{word}: {sight.verdict_detail}", *lines)
            yield Step("drop" if is_stop else "hop", lane, f"{at}{hop['stage']}", lines)
        if entry := tracked(sight):
            yield Step("hop", lane, "conntrack entry", (entry.removeprefix("conntrack entry "),))
        if not sight.hops or sight.verdict in ("Deliver", "ToHost"):
            yield _last(sight, lane, names)
        carrier = _carrier(sight)


def _last(sight: Sight, lane: int, names: Names) -> Step:
    if sight.verdict == "Deliver":
        return Step("place", lane, f"{names.owner(sight.verdict_detail)} eth0")
    if sight.verdict == "ToHost":
        return Step("place", lane, "the node's own network")
    kind: Kind = "drop" if sight.verdict in ("Drop", "Reject") else "place"
    return Step(kind, lane, f"{sight.verdict} {sight.verdict_detail}".strip())


def _carrier(sight: Sight) -> str:
    if sight.verdict != "Encap":
        return "network"
    if sight.outer is None:
        return "VXLAN"
    return f"VXLAN VNI {sight.outer['vni']}, UDP port {sight.outer['sourcePort']}"
