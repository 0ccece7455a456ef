"""Why a connection is allowed or denied: the verdict, and what each rule lacked.

The verdict and which rules match come from the same `judge` that decides packets; only the words
about a rule that did not match are made here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from netcore.model.address import contains, text
from netcore.model.policy import Direction, Peer
from netcore.model.policy_settings import PolicySettings
from netcore.model.selector import LabelSelector, Requirement
from netcore.packet.protocols import PROTOCOLS_WITH_PORTS, protocol_name
from netcore.policy.judge import Finding, judge
from netcore.policy.judgement import Judgement
from netcore.policy.rows import Mismatch, Party, Question, Row, Rows

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RuleFinding:
    """One rule that was looked at. `reasons` why it does not match; empty when it does, and then
    `peer` is the index of its entry that covers the peer, None when it has no entries.
    """

    row: Row
    peer: int | None
    reasons: tuple[str, ...]

    @property
    def matches(self) -> bool:
        return not self.reasons


@dataclass(frozen=True, slots=True)
class Explanation:
    """The verdict for one direction, and all that was asked on the way to it."""

    question: Question
    judgement: Judgement
    findings: tuple[RuleFinding, ...]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What reasons speak of. `service_port`: of the Service that was asked for, 0: of none."""

    namespaces: Mapping[str, Labels]
    service_port: int = 0


def explain(
    rows: Rows, settings: PolicySettings, question: Question, around: Surroundings
) -> Explanation:
    """The verdict about a pod's connection with its reasons."""
    findings: list[Finding] = []
    judgement = judge(rows, settings, question, findings)
    return Explanation(
        question, judgement, tuple(_finding(found, question, around) for found in findings)
    )


def _finding(found: Finding, question: Question, around: Surroundings) -> RuleFinding:
    row = found.row
    match found.mismatch:
        case None:
            return RuleFinding(row, row.peer_of(question.peer), ())
        case Mismatch.PEER:
            return RuleFinding(row, None, tuple(_peer_reasons(row, question, around)))
        case Mismatch.PORT:  # pragma: no branch: these are all there are
            peer = row.peer_of(question.peer)
            return RuleFinding(row, peer, tuple(_port_reasons(row, question, around)))


def _peer_reasons(row: Row, question: Question, around: Surroundings) -> Iterator[str]:
    ends = "from" if question.direction is Direction.INGRESS else "to"
    for index, peer in enumerate(row.rule.peers):
        why = _why_not_peer(peer, row, question.peer, around)
        yield f"{ends}[{index}] {peer}: {why}"


def _why_not_peer(peer: Peer, row: Row, party: Party, around: Surroundings) -> str:
    if peer.blocks:
        return _why_not_block(peer, party)
    if peer.nodes is not None:
        if party.node is None:
            return f"{text(party.ip)} is no node"
        return _unselected(peer.nodes, f"node {party.node.name}", party.node.labels)
    if peer.pods is None:
        return "it matches nothing"
    pod = party.pod
    if pod is None:
        who = f"{text(party.ip)} is no pod"
        return who if party.node is None else f"{who}, but node {party.node.name}"
    own = row.reference.namespace
    if peer.namespaces is None and pod.namespace != own:
        return (
            f'the pod is in namespace "{pod.namespace}", a podSelector alone means those of the '
            f'policy\'s own, "{own}"'
        )
    if peer.namespaces is not None:
        labels = around.namespaces.get(pod.namespace, {})
        if peer.namespaces.first_unmet(labels) is not None:
            return _unselected(peer.namespaces, f'namespace "{pod.namespace}"', labels)
    return _unselected(peer.pods, f"pod {pod.namespace}/{pod.name}", pod.labels)


def _why_not_block(peer: Peer, party: Party) -> str:
    if not party.block_ip:
        return "the address is a pod's or a node's, which ipBlocks do not cover here"
    shown = text(party.block_ip)
    for block in peer.blocks:
        for network in block.excepts:
            if contains(block.network, party.block_ip) and contains(network, party.block_ip):
                return f"{shown} is in the exception {network}"
    return f"{shown} is not in it"


def _unselected(selector: LabelSelector, who: str, labels: Labels) -> str:
    unmet = selector.first_unmet(labels)
    return f"{who} is selected" if unmet is None else f"{who} {_lacks(unmet, labels)}"


def _lacks(unmet: Requirement, labels: Labels) -> str:
    value = labels.get(unmet.key)
    if value is None:
        return f'has no label "{unmet.key}", needed is {unmet}'
    return f"has the label {unmet.key}={value}, needed is {unmet}"


def _port_reasons(row: Row, question: Question, around: Surroundings) -> Iterator[str]:
    protocol = protocol_name(question.protocol)
    if question.port is None or question.protocol not in PROTOCOLS_WITH_PORTS:
        yield f"{protocol} has no port, and rules with ports never match it"
        return
    asked = f"{protocol} {question.port}"
    wanted = ", ".join(map(str, row.rule.ports))
    yield f"ports {wanted}: {asked} is none of them{_port_hint(row, question, around)}"


def _port_hint(row: Row, question: Question, around: Surroundings) -> str:
    """The usual mistakes, said where they were made."""
    port = around.service_port
    for wanted in row.rule.ports:
        if wanted.name:
            named = question.destination.pod.named_ports if question.destination.pod else ()
            if not any(each.name == wanted.name for each in named):
                return f'; the pod has no port named "{wanted.name}"'
        elif port and port != question.port and wanted.first <= port <= wanted.last:
            return f"; {port} is the port of the Service, policies see the pod's: {question.port}"
    return ""
