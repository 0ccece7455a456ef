"""What policies will say of a connection, each end judged as its node judges it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from netcore.conntrack.tuple import FlowTuple
from netcore.model.errors import ConfigError
from netcore.packet.protocols import PROTOCOL_ICMPV6
from netcore.pipeline.stages.policy import egress_question, ingress_question
from netcore.policy.explain import Explanation, Surroundings, explain

if TYPE_CHECKING:
    from kubehop.policy.places import Place, Target
    from kubehop.policy.world import World
    from netcore.policy.rows import Question

_IPV6_BYTES = 16


@dataclass(frozen=True, slots=True)
class Prediction:
    """One connection; `explanations` egress first, and none for an end that is no pod;
    a pod that reaches itself has none.

    `flow` is as policies see it: translated, and its source port unknown (0).
    """

    source: Place
    target: Target
    flow: FlowTuple
    explanations: tuple[Explanation, ...]

    @property
    def allowed(self) -> bool:
        return all(each.judgement.allowed for each in self.explanations)


def predict(world: World, source: Place, target: Target) -> Prediction:
    """Both directions, judged by the code that judges packets.

    Raises ConfigError when the two have no addresses of one family.
    """
    flow = _flow(source, target)
    if flow.src == flow.dst and not target.service_port:
        return Prediction(source, target, flow, ())  # it never leaves the pod
    original = flow
    if target.asked:
        original = flow._replace(dst=target.asked, dst_port=target.service_port)
    namespaces = {name: each.labels for name, each in world.snapshot.namespaces.items()}
    around = Surroundings(namespaces, target.service_port)
    questions: list[Question | None] = []
    if source.pod is not None:
        questions.append(egress_question(world.seen_from(source.pod.node_name), original, flow))
    if target.place.pod is not None and target.place.pod.node_name:  # DNS servers are on none
        picture = world.seen_from(target.place.pod.node_name)
        questions.append(ingress_question(picture, original, flow))
    return Prediction(
        source,
        target,
        flow,
        tuple(_explained(world, each, around) for each in questions if each is not None),
    )


def _flow(source: Place, target: Target) -> FlowTuple:
    for src in source.ips:
        for dst in target.place.ips:
            if len(src) == len(dst):
                is_ping6 = target.port is None and len(src) == _IPV6_BYTES
                protocol = PROTOCOL_ICMPV6 if is_ping6 else target.protocol
                return FlowTuple(protocol, src, 0, dst, target.port or 0)
    raise ConfigError(f"{source.name} and {target.place.name} have no addresses of one family")


def _explained(world: World, question: Question, around: Surroundings) -> Explanation:
    pod = question.subject.pod
    if pod is None:
        raise ValueError("policies are about pods")
    rows = world.snapshot.policies.rows(pod, question.direction)
    return explain(rows, world.snapshot.config.policy, question, around)
