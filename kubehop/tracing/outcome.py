"""How a traced packet ended: one sentence and one exit code for every case."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kubehop.tracing.journey import Journey, Sight
    from kubehop.tracing.names import Names
    from kubehop.tracing.packet_trace import PacketTrace

DELIVERED, REFUSED, NOT_RUN = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Outcome:
    """`kind`: Delivered, Forwarded, Dropped, Rejected, Unanswered or Failed (nothing to trace)."""

    kind: str
    sentence: str
    exit_code: int


def outcome(trace: PacketTrace, names: Names) -> Outcome:
    """What became of the packet, by what its sender got and by what the nodes saw."""
    if trace.live:
        return _of_live(trace, names)
    if trace.sending is None or (trace.reply or {}).get("outcome") == "failed":
        return Outcome("Failed", _not_sent(trace), NOT_RUN)
    got = (trace.reply or {}).get("outcome", "silence")
    if got == "answered":
        return _answered(trace, names)
    seen = _refusal(trace, names)
    if seen is not None:
        return seen
    if got in ("refused", "unreachable"):
        return _refused(trace, names)
    return _silence(trace, names)


def stopped(journey: Journey | None) -> Sight | None:
    """Where a packet was dropped or rejected."""
    if journey is None:
        return None
    ends = (sight for sight in journey.sights if sight.verdict in ("Drop", "Reject"))
    return next(ends, None)


def _not_sent(trace: PacketTrace) -> str:
    lookup = trace.lookup
    if lookup is not None and not lookup["addresses"]:
        asked = [f"{found['name']} {found['type']}: {found['rcode']}" for found in
                 lookup["questions"]]  # fmt: skip
        heard = f" ({'; '.join(dict.fromkeys(asked))})" if asked else " (no DNS server is set)"
        return f'nothing was sent: no address is known for "{lookup["name"]}"{heard}'
    if trace.reply is not None:
        return str(trace.reply["text"])
    return f"nothing was sent: {trace.failure or 'the sending program was cut off'}"


def _answered(trace: PacketTrace, names: Names) -> Outcome:
    reply = trace.reply or {}
    sentence = f"{_receiver(trace, names)} answered with {reply['text']} after {reply['ms']:.1f} ms"
    if trace.request is None:
        sentence += "; the packet passed no node's datapath"
    return Outcome("Delivered", sentence, DELIVERED)


def _refusal(trace: PacketTrace, names: Names) -> Outcome | None:
    """What a node did to the packet or to its answer."""
    ended = next(filter(None, map(stopped, trace.requests)), None)
    if ended is not None:
        return _stopped(ended, "the packet", _told(trace))
    ended = next(filter(None, map(stopped, trace.replies)), None)
    if ended is None:
        return None
    return _stopped(ended, f"{_receiver(trace, names)} got the packet, but its answer")


def _told(trace: PacketTrace) -> str:
    """What a rejected sender was told."""
    reply = trace.reply or {}
    return str(reply["text"]) if reply.get("outcome") in ("refused", "unreachable") else ""


def _stopped(sight: Sight, what: str, told: str = "") -> Outcome:
    last = sight.hops[-1] if sight.hops else {"stage": "?", "why": "", "rule": ""}
    kind, verb = ("Dropped", "dropped") if sight.verdict == "Drop" else ("Rejected", "rejected")
    reason = f" ({sight.verdict_detail})" if sight.verdict_detail else ""
    sentence = (
        f"{what} was {verb} on {sight.node} by {last['stage']}{reason}: "
        f"{last['why']} [{last['rule']}]"
    )
    if told:
        sentence += f"; the sender was told at once: {told}"
    return Outcome(kind, sentence, REFUSED)


def _refused(trace: PacketTrace, names: Names) -> Outcome:
    reply = trace.reply or {}
    who = names.owner(reply["sender"]) if reply["sender"] else _receiver(trace, names)
    if reply["outcome"] == "refused":
        nobody = f"nothing listens at port {(trace.sending or {}).get('destinationPort')}"
        answer = trace.answer
        what = "a reset (RST)" if answer and "RST" in answer.first.contents else reply["text"]
        return Outcome("Rejected", f"{who} refused with {what}: {nobody}", REFUSED)
    return Outcome("Rejected", f"not reachable: {reply['text']}, from {who}", REFUSED)


def _silence(trace: PacketTrace, names: Names) -> Outcome:
    waited = (trace.reply or {}).get("text", "no answer came")
    if trace.request is None:
        return Outcome("Unanswered", f"no node saw the packet, and {waited}", REFUSED)
    last = trace.request.last
    is_udp = trace.protocol == "UDP"
    match last.verdict:
        case "Encap":
            there = last.verdict_detail.partition(" ")[0]
            why = f"{last.node} sent the packet into the tunnel, but {there} did not see it arrive"
            return Outcome("Unanswered", f"lost on the way: {why}", REFUSED)
        case "Deliver" if is_udp:
            why = (
                f"{_receiver(trace, names)} got the datagram; {waited}, which UDP does not promise"
            )
            return Outcome("Delivered", why, DELIVERED)
        case "Deliver":
            return Outcome(
                "Unanswered", f"{_receiver(trace, names)} got the packet; {waited}", REFUSED
            )
    why = f"the packet left the datapath of {last.node} for the network around it; {waited}"
    if is_udp:
        return Outcome("Forwarded", f"{why}, which UDP does not promise", DELIVERED)
    return Outcome("Unanswered", why, REFUSED)


def _of_live(trace: PacketTrace, names: Names) -> Outcome:
    if trace.request is None:
        return Outcome("Failed", trace.failure, NOT_RUN)
    ended = stopped(trace.request)
    if ended is not None:
        return _stopped(ended, "the packet")
    last = trace.request.last
    match last.verdict:
        case "Deliver":
            where = names.owner(last.verdict_detail)
            return Outcome("Delivered", f"{where} on {last.node} got the packet", DELIVERED)
        case "Encap":
            there = last.verdict_detail.partition(" ")[0]
            why = f"sent into the tunnel by {last.node}, but {there} did not see it arrive"
            return Outcome("Unanswered", why, REFUSED)
    return Outcome("Forwarded", f"forwarded to the network around {last.node}", DELIVERED)


def _receiver(trace: PacketTrace, names: Names) -> str:
    """Who got the packet in the end, where that was seen; else whom it was sent to."""
    sending, request = trace.sending or {}, trace.request
    address, port = sending.get("destination", ""), sending.get("destinationPort", 0)
    if request is not None and request.last.left is not None:
        address, port = request.last.left["destination"], request.last.left["destinationPort"]
    if trace.protocol == "ICMP":
        owner = names.owner(address)
        return owner if owner == address else f"{owner} ({address})"
    return names.full(address, port)
