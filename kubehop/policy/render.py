"""Predictions for people and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netcore.model.address import authority, text
from netcore.packet.protocols import protocol_name
from netcore.policy.judgement import Ground

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubehop.policy.prediction import Prediction
    from netcore.policy.explain import Explanation, RuleFinding


def render(prediction: Prediction) -> Iterator[str]:
    """The lines of one prediction."""
    target = prediction.target
    verdict = "ALLOWED" if prediction.allowed else "DENIED"
    yield f"{prediction.source.name} -> {_where(prediction)}: {verdict}"
    if target.service_port:
        yield f"  asked of the Service's port {target.service_port}"
    for explanation in prediction.explanations:
        yield from _direction(explanation)
    if not prediction.explanations:
        yield f"  no policy is asked: {_unasked(prediction)}"


def _unasked(prediction: Prediction) -> str:
    if prediction.flow.src == prediction.flow.dst:
        return "a pod always reaches itself"
    return "there is none, or neither end is a pod"


def _where(prediction: Prediction) -> str:
    target, ip = prediction.target, prediction.flow.dst
    place = target.place
    protocol = protocol_name(prediction.flow.protocol)
    if target.port is None:
        return f"{place.name} ({protocol})"
    end = authority(ip, target.port)
    shown = end if place.name == text(ip) else f"{place.name} at {end}"
    return f"{shown}/{protocol}"


def _direction(explanation: Explanation) -> Iterator[str]:
    judgement = explanation.judgement
    verdict = "ALLOWED" if judgement.allowed else "DENIED"
    pod = "/".join(judgement.pod)
    yield f"  {judgement.direction.value} of {pod}: {verdict}, {judgement.ground.value}"
    if judgement.ground is Ground.DEFAULT_DENY:
        isolating = ", ".join(f"{each.kind.value} {each.policy}" for each in judgement.by)
        yield f"    isolated by {isolating}"
    for finding in explanation.findings:
        yield from _rule(finding)


def _rule(finding: RuleFinding) -> Iterator[str]:
    reference, action = finding.row.reference, finding.row.action
    name = f"{reference.kind.value} {reference}"
    if finding.matches:
        peer = "" if finding.peer is None else f", by peer {finding.peer}"
        yield f"    {name}: matches{peer} ({action.value})"
        return
    yield f"    {name}: does not match"
    for reason in finding.reasons:
        yield f"      {reason}"


def to_json(prediction: Prediction) -> dict[str, Any]:
    """The same for programs."""
    target = prediction.target
    return {
        "from": prediction.source.name,
        "to": target.place.name,
        "address": text(prediction.flow.dst),
        "port": target.port,
        "protocol": protocol_name(prediction.flow.protocol),
        "servicePort": target.service_port or None,
        "verdict": "ALLOWED" if prediction.allowed else "DENIED",
        "directions": [_direction_json(each) for each in prediction.explanations],
    }


def _direction_json(explanation: Explanation) -> dict[str, Any]:
    judgement = explanation.judgement
    return {
        "direction": judgement.direction.value,
        "pod": "/".join(judgement.pod),
        "verdict": "ALLOWED" if judgement.allowed else "DENIED",
        "reason": judgement.ground.name,
        "match": judgement.match.value,
        "by": [
            {
                "kind": each.kind.value,
                "namespace": each.namespace,
                "name": each.name,
                "rule": each.index,
            }
            for each in judgement.by
        ],
        "rules": [
            {
                "policy": finding.row.reference.policy,
                "rule": finding.row.reference.index,
                "action": finding.row.action.value,
                "matches": finding.matches,
                "peer": finding.peer,
                "reasons": list(finding.reasons),
            }
            for finding in explanation.findings
        ],
    }
