"""A traced packet as text for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubehop.tracing.packet_trace import unix_ns
from kubehop.tracing.render import arrival, rewrites, verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubehop.tracing.journey import Flow, Journey, Sight
    from kubehop.tracing.names import Names
    from kubehop.tracing.outcome import Outcome
    from kubehop.tracing.packet_trace import PacketTrace

_INDENT = " " * 25
_TITLES = {"request": "Request", "reply": "Reply"}


def packet_text(
    trace: PacketTrace, ended: Outcome, names: Names, *, every: bool = False
) -> Iterator[str]:
    """Lines: what was asked and sent, both ways hop by hop, what was not seen, the outcome."""
    yield headline(trace)
    yield from _lookup(trace)
    ways = [("request", way) for way in trace.requests] + [("reply", way) for way in trace.replies]
    ways.sort(key=lambda found: unix_ns(found[1].first.time))
    if every:
        ways = [("DNS", way) for way in trace.dns] + ways
    for direction, journey in ways if every else trace.parts():
        yield ""
        yield f"{_TITLES.get(direction, direction)}: {journey.first.contents}"
        yield from _journey(journey, trace, names)
    if trace.follow_ups and not every:
        yield ""
        yield f"{trace.follow_ups} more packets belong to the same connection: --all shows them"
    if trace.request is not None and len(_nodes(trace)) > 1:
        yield ""
        yield "Times are each node's own clock; between machines they may be apart."
    for node, message in trace.warnings:
        yield f"Not observed: {f'node {node}: ' if node else ''}{message}"
    yield ""
    yield f"{ended.kind}: {ended.sentence}"


def headline(trace: PacketTrace) -> str:
    """The trace's id and between whom what was sent."""
    what = {"TCP": "TCP SYN", "UDP": "UDP datagram", "ICMP": "ICMP echo request"}
    sending = trace.sending
    words = f"{what.get(trace.protocol, trace.protocol)} from {trace.source} to {trace.target}"
    if sending is None:
        return f"Trace {trace.trace_id}: {words}"
    if sending["protocol"].startswith("ICMP"):
        ends = f"{sending['source']} -> {sending['destination']}, id {sending['sourcePort']}"
    else:
        source = _place(sending["source"], sending["sourcePort"])
        ends = f"{source} -> {_place(sending['destination'], sending['destinationPort'])}"
    return f"Trace {trace.trace_id}: {words} ({ends})"


def microseconds(trace: PacketTrace, time: str) -> int:
    """How long after the packet was first seen."""
    return (unix_ns(time) - trace.start_ns) // 1000


def details(hop: dict[str, Any], sight: Sight) -> Iterator[str]:
    """What a hop's own words leave out: the outer header, the FDB entry."""
    if hop["stage"] != "encap" or sight.outer is None:
        return
    outer = sight.outer
    source = _place(outer["source"], outer["sourcePort"])
    ttl = f", TTL {outer['ttl']}" if outer["ttl"] else ""
    target = _place(outer["destination"], outer["destinationPort"])
    yield f"outer IP, UDP {source} -> {target}{ttl}, VNI {outer['vni']}"
    yield f"FDB: {outer['destinationMAC']} is behind VTEP {outer['destination']}"


def tracked(sight: Sight) -> str:
    """The conntrack entry in words; empty where nothing is tracked."""
    entry = sight.conntrack
    if entry is None:
        return ""
    age = "new" if entry["isNew"] else ("reply" if entry["isReply"] else "original")
    pair = f"{_flow(entry['original'])}, answers {_flow(entry['reply'])}"
    return f"conntrack entry {entry['state']} ({age}): {pair}"


def _lookup(trace: PacketTrace) -> Iterator[str]:
    lookup = trace.lookup
    if lookup is None:
        return
    if lookup["by"] == "/etc/hosts":
        yield f'  name "{lookup["name"]}": {", ".join(lookup["addresses"])} by /etc/hosts'
        return
    yield f'  name "{lookup["name"]}" by the sender\'s /etc/resolv.conf:'
    for asked in lookup["questions"]:
        found = ", ".join(asked["addresses"]) or (
            "no address" if asked["rcode"] == "NOERROR" else ""
        )
        answer = f"{asked['rcode']} {found}".rstrip()
        yield (
            f"    {asked['name']} {asked['type']} @ {asked['server']}: {answer} "
            f"({asked['ms']:.1f} ms)"
        )


def _journey(journey: Journey, trace: PacketTrace, names: Names) -> Iterator[str]:
    for sight in journey.sights:
        ttl = f", TTL {sight.ttl}" if sight.ttl else ""
        yield f"  on {sight.node}, {arrival(sight, names)}{ttl}"
        for hop in sight.hops:
            at = f"+{microseconds(trace, hop['time'])} us" if hop.get("time") else ""
            stage = f"{hop['stage']:<10} "
            yield f"  {at:>10}  {stage}{hop['why']}  [{hop['rule']}]"
            yield from (f"{_INDENT}{line}" for line in rewrites(hop, names))
            yield from (f"{_INDENT}{line}" for line in details(hop, sight))
        if entry := tracked(sight):
            yield f"{_INDENT}{entry}"
        yield f"{'':>12}=> {verdict(sight, names)}"


def _nodes(trace: PacketTrace) -> set[str]:
    return {sight.node for _, journey in trace.parts() for sight in journey.sights}


def _flow(flow: Flow) -> str:
    source = _place(flow["source"], flow["sourcePort"])
    return f"{source} -> {_place(flow['destination'], flow['destinationPort'])}"


def _place(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
