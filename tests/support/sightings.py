"""Packets decided on paper, as the flow ring keeps them."""

from dataclasses import replace

from netcore.flow.build import flows_of
from netcore.flow.record import Flow
from netcore.flow.sighting import Sighting, sight
from netcore.packet.packet import parse_packet
from netcore.pipeline.context import FromPod, Ingress
from netcore.policy.judgement import Judgement
from tests.support.decider import Decider

TIME_NS = 1_788_019_809_388_123_456  # 2026-08-29T16:10:09.388123456Z


def sighting(
    node: Decider,
    frame: bytes | bytearray,
    ingress: Ingress,
    *judgements: Judgement,
    payload: bytes | None = None,
    time_ns: int = TIME_NS,
) -> Sighting:
    """The frame is sent, and kept as it came in; `judgements` replace the policies' own."""
    frame = bytearray(frame)
    if isinstance(ingress, FromPod):
        frame[6:12] = ingress.mac
    packet = parse_packet(frame)
    decision = node.send(frame, ingress).decision
    decision = replace(decision, judgements=judgements or decision.judgements)
    return sight(node.snapshot, time_ns, ingress, packet, decision, decision.verdict, payload)


def flows(
    node: Decider, frame: bytes | bytearray, ingress: Ingress, *judgements: Judgement
) -> tuple[Flow, ...]:
    """What is told of the frame."""
    return flows_of(node.snapshot, sighting(node, frame, ingress, *judgements))
