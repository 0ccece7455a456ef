"""Journeys as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kubehop.tracing.journey import Flow, Journey, Sight
    from kubehop.tracing.names import Names

_DNS_PORT = 53
_ARRIVALS = {"tunnel": "out of the VXLAN tunnel, from", "host": "from the node's own network"}


def render(found: Sequence[Journey], names: Names, *, every: bool = False) -> Iterator[str]:
    """Lines: each way once, with how many more packets took it, or `every` packet."""
    followers: dict[tuple[str, str, str], int] = {}
    shown = []
    for journey in found:
        followers[journey.kind] = followers.get(journey.kind, -1) + 1
        if every or followers[journey.kind] == 0:
            shown.append(journey)
    for number, journey in enumerate(shown, 1):
        yield f"{number:>2}. {title(journey, names)}"
        for sight in journey.sights:
            yield from _sight(sight, names)
        more = 0 if every else followers[journey.kind]
        if more:
            yield f"    ({more} more {'packet goes' if more == 1 else 'packets go'} the same way)"
        yield ""


def title(journey: Journey, names: Names) -> str:
    """What the packet is and between whom: "TCP SYN, 60 bytes: pod a -> Service b"."""
    flow, end = journey.first.arrived, journey.last.left
    if flow is None:
        return journey.first.summary
    source, target = flow, flow
    if names.owner(flow["source"]).startswith("node ") or journey.first.ingress == "host":
        source = target = end or flow  # an answer is best told by what its receiver sees
    what = journey.first.contents
    if _DNS_PORT in (flow["destinationPort"], flow["sourcePort"]):
        what = f"DNS {'question' if flow['destinationPort'] == _DNS_PORT else 'answer'} ({what})"
    return f"{what}: {names.owner(source['source'])} -> {names.owner(target['destination'])}"


def _sight(sight: Sight, names: Names) -> Iterator[str]:
    yield f"    on {sight.node}, {arrival(sight, names)}"
    for hop in sight.hops:
        yield f"      {hop['stage']:<11} {hop['why']}  [{hop['rule']}]"
        yield from (f"      {'':<11} {line}" for line in rewrites(hop, names))
    yield f"      => {verdict(sight, names)}"


def arrival(sight: Sight, names: Names) -> str:
    """Where the packet came in."""
    kind, _, detail = sight.ingress.partition(" ")
    if kind == "pod":
        return f"out of {sight.ingress}"
    words = _ARRIVALS.get(kind, sight.ingress)
    return f"{words} {names.owner(detail)}" if detail else words


def rewrites(hop: dict[str, Any], names: Names) -> Iterator[str]:
    """What a hop changed of the packet's ends."""
    before, after = hop["before"], hop["after"]
    if not before or not after:
        return
    for end in ("source", "destination"):
        old, new = _end(before, end, names), _end(after, end, names)
        if old != new:
            yield f"{end} {old} becomes {new}"


def _end(flow: Flow, end: str, names: Names) -> str:
    return names.full(flow[end], flow[f"{end}Port"])


def verdict(sight: Sight, names: Names) -> str:
    """What became of the packet on this node."""
    detail = sight.verdict_detail
    match sight.verdict:
        case "Deliver":
            return f"delivered to {names.owner(detail)}"
        case "Encap":
            node, _, address = detail.partition(" ")
            return f"into the VXLAN tunnel to node {node} ({address}), UDP 4789"
        case "ToHost":
            return "to the node's own network"
        case other:
            return f"{other} {detail}".rstrip()
