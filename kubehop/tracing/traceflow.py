"""A traced packet as JSON, shaped like the status of Antrea's Traceflow (crd.antrea.io/v1beta1).

`results` has an entry a node with `observations` in the order in which they were made. Ours adds
to each observation its direction, the time in microseconds since the packet was first seen, and
the stage, rule and reason of the code that decided.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubehop.tracing.packet_text import microseconds
from kubehop.tracing.policy_rule import policy_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubehop.tracing.journey import Sight
    from kubehop.tracing.names import Names
    from kubehop.tracing.outcome import Outcome
    from kubehop.tracing.packet_trace import PacketTrace

COMPONENTS = {
    "anti-spoof": ("SpoofGuard", "Source"),
    "neighbor": ("Forwarding", "Neighbor"),
    "conntrack": ("Forwarding", "Conntrack"),
    "service": ("LB", "Service"),
    "egress policy": ("NetworkPolicy", "EgressRule"),
    "ingress policy": ("NetworkPolicy", "IngressRule"),
    "route": ("Routing", "Route"),
    "mtu": ("Forwarding", "MTU"),
    "masquerade": ("Egress", "SNAT"),
    "encap": ("Forwarding", "Output"),
    "deliver": ("Forwarding", "Output"),
}
"""Stage -> Antrea's component, and where inside of it (Antrea: the table)."""
_ENDS = {"Drop": "Dropped", "Reject": "Rejected"}


def traceflow(trace: PacketTrace, ended: Outcome, names: Names) -> dict[str, Any]:
    """The whole trace as one document."""
    return {
        "kind": "Trace",
        "apiVersion": "kubehop.dev/v1alpha1",
        "id": trace.trace_id,
        "phase": "Failed" if ended.kind == "Failed" else "Succeeded",
        "outcome": ended.kind,
        "reason": ended.sentence,
        "source": trace.source,
        "destination": trace.target,
        "protocol": trace.protocol,
        "startTime": trace.request.first.time if trace.request else None,
        "packet": _without_type(trace.sending),
        "dns": _without_type(trace.lookup),
        "reply": _without_type(trace.reply),
        "nodes": list(trace.nodes),
        "results": [*_results(trace, names), *_not_observed(trace)],
    }


def _results(trace: PacketTrace, names: Names) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for direction, journey in trace.parts():
        for sight in journey.sights:
            entry = found.setdefault(
                sight.node,
                {
                    "node": sight.node,
                    "role": "Receiver" if found else "Sender",
                    "timestamp": sight.time,
                    "observations": [],
                },
            )
            entry["observations"] += observations(sight, direction, trace, names)
    return list(found.values())


def _not_observed(trace: PacketTrace) -> Iterator[dict[str, Any]]:
    """A node that cannot be asked is an observation, too."""
    for node, message in trace.warnings:
        seen = {"component": "Observer", "action": "NotObserved", "why": message}
        yield {"node": node, "role": "Unknown", "timestamp": None, "observations": [seen]}


def observations(
    sight: Sight, direction: str, trace: PacketTrace, names: Names
) -> Iterator[dict[str, Any]]:
    """What one node did with one packet, step by step, and how it ended there."""
    at = microseconds(trace, sight.time) if sight.time else None
    common = {"direction": direction}
    if sight.came_by_tunnel or sight.ingress == "host":
        came = {"component": "Forwarding", "componentInfo": "Classification", "action": "Received"}
        yield {**came, **common, "ttl": sight.ttl, "timeUs": at, "why": f"from {sight.ingress}"}
    for index, hop in enumerate(sight.hops):
        is_last = index == len(sight.hops) - 1
        yield {**_observation(hop, sight, names, is_last=is_last), **common, **_timed(hop, trace)}
    if sight.verdict == "ToHost":
        left = {"component": "Forwarding", "componentInfo": "Output"}
        why = "to the node's own network"
        yield {**left, "action": "ForwardedOutOfNetwork", **common, "why": why}
    elif not sight.hops:
        action = _ENDS.get(sight.verdict, "Forwarded")
        yield {"component": "Forwarding", "action": action, **common, "why": sight.verdict_detail}


def _observation(
    hop: dict[str, Any], sight: Sight, names: Names, *, is_last: bool
) -> dict[str, Any]:
    component, info = COMPONENTS.get(hop["stage"], ("Forwarding", hop["stage"]))
    found = {
        "component": component,
        "componentInfo": info,
        "action": "Forwarded",
        "stage": hop["stage"],
        "rule": hop["rule"],
        "why": hop["why"],
        **_translation(hop),
    }
    if component == "NetworkPolicy":
        found |= _policy(hop["rule"], info)
    if component == "Egress":
        found["action"] = "MarkedForSNAT"
    if hop["stage"] == "conntrack" and sight.conntrack is not None:
        found["conntrack"] = sight.conntrack
    if hop["stage"] == "encap" and sight.outer is not None:
        found |= {"tunnelDstIP": sight.outer["destination"], "outer": sight.outer}
    if hop["stage"] == "deliver":
        found |= {"action": "Delivered", "pod": names.owner(sight.verdict_detail)}
        found |= {} if sight.conntrack is None else {"conntrack": sight.conntrack}
    if is_last and sight.verdict in _ENDS:
        found |= {"action": _ENDS[sight.verdict], "dropReason": sight.verdict_detail}
    return found


def _policy(text: str, info: str) -> dict[str, Any]:
    """The policy that decided; without a rule it is the default of isolated pods."""
    found = policy_rule(text)
    if found is None:
        return {}
    kind = {"networkPolicyKind": found.kind}
    if not found.rule:
        default = info.replace("Rule", "DefaultRule")
        return {**kind, "networkPolicy": ", ".join(found.policies), "componentInfo": default}
    return {**kind, "networkPolicy": found.policies[0], "networkPolicyRule": found.rule}


def _translation(hop: dict[str, Any]) -> dict[str, Any]:
    before, after = hop["before"], hop["after"]
    if not before or not after:
        return {}
    changed = {}
    for name, end in (("Src", "source"), ("Dst", "destination")):
        if (before[end], before[f"{end}Port"]) != (after[end], after[f"{end}Port"]):
            changed[f"translated{name}IP"] = after[end]
            changed[f"translated{name}Port"] = after[f"{end}Port"]
    return changed


def _timed(hop: dict[str, Any], trace: PacketTrace) -> dict[str, Any]:
    return {"timeUs": microseconds(trace, hop["time"])} if hop.get("time") else {}


def _without_type(line: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if line is None else {name: line[name] for name in line if name != "type"}
