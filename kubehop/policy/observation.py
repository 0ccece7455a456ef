"""What a real packet showed of policies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubehop.tracing.policy_rule import STAGES, policy_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubehop.tracing.journey import Journey, Sight
    from kubehop.tracing.outcome import Outcome
    from kubehop.tracing.packet_trace import PacketTrace

_STOPPED = ("Drop", "Reject")
_PASSED = ("Deliver", "ToHost")
_GOT_THERE = ("answered", "refused")


@dataclass(frozen=True, slots=True)
class Observation:
    """`allowed` None: something else than a policy kept the packet from its end.

    `policies` gave the verdict. `destination` is the address where the packet ended or was going.
    """

    allowed: bool | None
    policies: tuple[str, ...]
    destination: str
    sentence: str


def observe(trace: PacketTrace, ended: Outcome) -> Observation:
    """From the traced packet. A pod that refuses, since nothing listens, was reached."""
    denied = next(filter(None, map(_denied, trace.requests)), None)
    journey = trace.request
    if denied is not None:
        policies = tuple(_policies(denied, only_last=True))
        return Observation(False, policies, _destination(journey), ended.sentence)
    if journey is None:  # a pod that reaches itself never leaves its namespace
        got = (trace.reply or {}).get("outcome") in _GOT_THERE
        return Observation(True if got else None, (), "", ended.sentence)
    passed = any(each.last.verdict in _PASSED for each in trace.requests)
    policies = tuple(
        policy for sight in journey.sights for policy in _policies(sight, only_last=False)
    )
    return Observation(True if passed else None, policies, _destination(journey), ended.sentence)


def _denied(journey: Journey) -> Sight | None:
    """Where a policy stopped the packet."""
    for sight in journey.sights:
        if sight.verdict in _STOPPED and sight.hops and sight.hops[-1]["stage"] in STAGES:
            return sight
    return None


def _policies(sight: Sight, *, only_last: bool) -> Iterator[str]:
    hops = sight.hops[-1:] if only_last else sight.hops
    for hop in hops:
        rule = policy_rule(hop["rule"]) if hop["stage"] in STAGES else None
        if rule is not None:
            yield from rule.policies


def _destination(journey: Journey | None) -> str:
    flow = None if journey is None else journey.last.left or journey.last.arrived
    return str(flow["destination"]) if flow else ""
