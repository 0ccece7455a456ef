"""The verdict of the policies about one connection, and why.

Order: what always passes; AdminNetworkPolicies by priority; NetworkPolicies, which isolate and
allow; the BaselineAdminNetworkPolicy; and whoever is left may pass. Sources: the NetworkPolicy
API; KEP-2091.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from netcore.model.policy import Action
from netcore.model.policy_settings import Hairpin, Icmp, PolicySettings
from netcore.packet.protocols import PROTOCOL_ICMP, PROTOCOL_ICMPV6
from netcore.policy.judgement import Ground, Judgement, RuleReference
from netcore.policy.rows import Mismatch, Question, Row, Rows


@dataclass(frozen=True, slots=True)
class Finding:
    """A row that was looked at, and why it did not match; None: it did."""

    row: Row
    mismatch: Mismatch | None


def judge(
    rows: Rows,
    settings: PolicySettings,
    question: Question,
    findings: list[Finding] | None = None,
) -> Judgement:
    """The one verdict. `rows` are those of the subject, a pod, in the question's direction;
    `findings` gets every row that was looked at.
    """
    ground = _exemption(settings, question)
    if ground is not None:
        return _verdict(question, ground, allowed=True)
    row = _first_match(rows.admin, question, findings)
    if row is not None and row.action is not Action.PASS:
        return _by_row(question, row)
    if rows.isolating:
        row = _first_match(rows.network, question, findings)
        if row is not None:
            return _by_row(question, row)
        return _verdict(question, Ground.DEFAULT_DENY, allowed=False, by=rows.isolating)
    row = _first_match(rows.baseline, question, findings)
    if row is not None:
        return _by_row(question, row)
    return _verdict(question, Ground.NOT_ISOLATED, allowed=True)


def _exemption(settings: PolicySettings, question: Question) -> Ground | None:
    """Why no policy is asked at all."""
    if question.from_own_node:
        return Ground.OWN_NODE
    if settings.hairpin is Hairpin.ALWAYS and is_hairpin(question):
        return Ground.HAIRPIN
    is_icmp = question.protocol in (PROTOCOL_ICMP, PROTOCOL_ICMPV6)
    return Ground.ICMP if is_icmp and settings.icmp is Icmp.ALWAYS else None


def is_hairpin(question: Question) -> bool:
    """Whether a pod asks to reach itself."""
    subject, peer = question.subject.pod, question.peer.pod
    return subject is not None and peer is not None and subject.key == peer.key


def _first_match(
    rows: Iterable[Row], question: Question, findings: list[Finding] | None
) -> Row | None:
    for row in rows:
        mismatch = row.mismatch(question)
        if findings is not None:
            findings.append(Finding(row, mismatch))
        if mismatch is None:
            return row
    return None


def _by_row(question: Question, row: Row) -> Judgement:
    return Judgement(
        question.direction,
        _pod_of(question),
        row.action is Action.ALLOW,
        Ground.RULE,
        row.match,
        (row.reference,),
    )


def _verdict(
    question: Question, ground: Ground, *, allowed: bool, by: tuple[RuleReference, ...] = ()
) -> Judgement:
    return Judgement(question.direction, _pod_of(question), allowed, ground, by=by)


def _pod_of(question: Question) -> tuple[str, str]:
    pod = question.subject.pod
    return ("", "") if pod is None else pod.key
