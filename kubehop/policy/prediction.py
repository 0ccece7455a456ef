"""What policies will say of a connection, each end judged as its node judges it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from netcore.conntrack.tuple import FlowTuple
from netcore.pipeline.stages.policy import egress_question, ingress_question
from netcore.policy.explain import Explanation, Surroundings, explain

if TYPE_CHECKING:
    from kubehop.policy.places import Place, Target
    from kubehop.policy.world import World
    from netcore.policy.rows import Question


@dataclass(frozen=True, slots=True)
class Prediction:
    """One connection; `explanations` egress first, and none for an end that is no pod."""

    source: Place
    target: Target
    explanations: tuple[Explanation, ...]

    @property
    def allowed(self) -> bool:
        return all(each.judgement.allowed for each in self.explanations)


def predict(world: World, source: Place, target: Target) -> Prediction:
    """Both directions, judged by the code that judges packets."""
    flow = FlowTuple(target.protocol, source.ip, 0, target.place.ip, target.port or 0)
    namespaces = {name: each.labels for name, each in world.snapshot.namespaces.items()}
    around = Surroundings(namespaces, target.service_port)
    questions: list[Question | None] = []
    if source.pod is not None:
        questions.append(egress_question(world.seen_from(source.pod.node_name), flow, flow))
    if target.place.pod is not None and target.place.pod.node_name:  # DNS servers are on none
        picture = world.seen_from(target.place.pod.node_name)
        questions.append(ingress_question(picture, flow, flow))
    return Prediction(
        source,
        target,
        tuple(_explained(world, each, around) for each in questions if each is not None),
    )


def _explained(world: World, question: Question, around: Surroundings) -> Explanation:
    pod = question.subject.pod
    if pod is None:
        raise ValueError("policies are about pods")
    rows = world.snapshot.policies.rows(pod, question.direction)
    return explain(rows, world.snapshot.config.policy, question, around)
