"""NetworkPolicy: may this connection be?

Egress is judged on the client's node, after service translation; ingress on the node of the pod
that is asked, by what the packet carries there: a client that was masqueraded on its way is the
node that did it. Answers are never judged by themselves, but with the connection they belong to.
"""

from dataclasses import replace

from netcore.conntrack.tuple import FlowTuple
from netcore.model.policy import Direction
from netcore.model.policy_settings import BlockScope, Deny, Established, HostNetwork, IpBlocks
from netcore.packet.protocols import PROTOCOL_TCP, PROTOCOLS_WITH_PORTS, TCP_SYN
from netcore.pipeline.context import FromHost, FromPod
from netcore.pipeline.passage import Passage
from netcore.pipeline.snapshot import Snapshot
from netcore.pipeline.trace import Stage
from netcore.pipeline.verdict import Drop, DropReason, Reject, RejectKind
from netcore.policy.judge import Finding, judge
from netcore.policy.judgement import Judgement
from netcore.policy.rows import Party, Question

_STAGES = {Direction.EGRESS: Stage.EGRESS_POLICY, Direction.INGRESS: Stage.INGRESS_POLICY}


def check_egress(passage: Passage) -> Drop | Reject | None:
    """May the pod that sends a new connection send it there? None: yes, or it is not of here."""
    if not isinstance(passage.ctx.ingress, FromPod):  # the node may answer in a pod's name
        return None
    return _check(passage, egress_question(passage.snapshot, passage.original, passage.flow))


def check_ingress(passage: Passage) -> Drop | Reject | None:
    """May the pod to which a new connection goes be reached? None: yes, or it is not of here."""
    return _check(passage, ingress_question(passage.snapshot, passage.original, passage.flow))


def check_pick_up(passage: Passage) -> Drop | Reject | None:
    """May a TCP connection be that is seen for the first time in its middle?

    Nobody saw who opened it. Were it judged by the way of this packet alone, a client that is
    denied could have its connection forgotten (a reset that only conntrack believes) and would
    get it back with the server's next segment, as one that the server opened. So it has to be
    allowed the other way round, too.
    """
    packet = passage.packet
    is_middle = packet.protocol == PROTOCOL_TCP and not packet.tcp_flags & TCP_SYN
    if not is_middle or isinstance(passage.ctx.ingress, FromHost):
        return None
    back = passage.flow.reversed()
    for ask in (egress_question, ingress_question):
        question = ask(passage.snapshot, back, back)
        judgement = judge_question(passage.snapshot, question) if question is not None else None
        if judgement is not None and not judgement.allowed:
            return _deny(passage, judgement, "; not seen from its start, so judged both ways")
    return None


def check_established(passage: Passage) -> Drop | Reject | None:
    """Whether the connection that a packet belongs to may still be, whichever way it goes."""
    entry, snapshot = passage.entry, passage.snapshot
    if entry is None or not has_policies(snapshot):
        return None
    if snapshot.config.policy.established is Established.KEEP or _is_nodes_answer(passage):
        return None
    original, carried = entry.original, entry.reply.reversed()
    return _check(passage, egress_question(snapshot, original, carried)) or _check(
        passage, ingress_question(snapshot, original, carried)
    )


def _is_nodes_answer(passage: Passage) -> bool:
    """Whether the node resets a connection in the name of a pod: that must not be denied, too."""
    pod = passage.snapshot.pods_by_ip.get(passage.packet.src)
    is_local = pod is not None and pod.node_name == passage.snapshot.node_name
    return is_local and isinstance(passage.ctx.ingress, FromHost)


def has_policies(snapshot: Snapshot) -> bool:
    """Whether anything is there to be judged by."""
    return bool(snapshot.policies.policies or snapshot.staged.policies)


def egress_question(snapshot: Snapshot, original: FlowTuple, flow: FlowTuple) -> Question | None:
    """What policies are asked when a pod of this node sends; None for everybody else.

    `original` is the connection as it was sent, `flow` as it is after translation.
    """
    if not has_policies(snapshot):
        return None
    subject = _local_pod(snapshot, original.src)
    if subject is None:
        return None
    is_before = snapshot.config.policy.ip_blocks is IpBlocks.BEFORE_DNAT
    peer = party(snapshot, flow.dst, original.dst if is_before else flow.dst)
    port = flow.dst_port if flow.protocol in PROTOCOLS_WITH_PORTS else None
    own_node = snapshot.is_own_address(flow.dst)
    return Question(Direction.EGRESS, subject, peer, flow.protocol, port, own_node)


def ingress_question(snapshot: Snapshot, original: FlowTuple, flow: FlowTuple) -> Question | None:
    """The same for what comes to a pod of this node. `flow`: as it comes, masqueraded or not.

    A pod that reaches itself through its Service is judged as itself.
    """
    if not has_policies(snapshot):
        return None
    subject = _local_pod(snapshot, flow.dst)
    if subject is None:
        return None
    client = original.src if original.src == flow.dst else flow.src
    port = flow.dst_port if flow.protocol in PROTOCOLS_WITH_PORTS else None
    own_node = snapshot.is_own_address(original.src)
    peer = party(snapshot, client, client)
    return Question(Direction.INGRESS, subject, peer, flow.protocol, port, own_node)


def party(snapshot: Snapshot, ip: bytes, block_ip: bytes) -> Party:
    """Who has the address; `block_ip` is the one that ipBlocks are held against."""
    settings, members = snapshot.config.policy, snapshot.members
    pod = snapshot.pods_by_ip.get(ip)
    node = None if pod is not None else snapshot.nodes_by_address.get(ip)
    is_inside = pod is not None or node is not None
    if is_inside and settings.block_scope is BlockScope.OUTSIDE:
        block_ip = b""
    if pod is not None:
        return Party(ip, block_ip, pod, None, members.bit(pod))
    if node is not None and settings.host_network is HostNetwork.PODS:
        return Party(ip, block_ip, None, node, members.of_node(node.name))
    return Party(ip, block_ip, None, node)


def _local_pod(snapshot: Snapshot, ip: bytes) -> Party | None:
    pod = snapshot.pods_by_ip.get(ip)
    if pod is None or pod.node_name != snapshot.node_name:
        return None
    return Party(ip, ip, pod, None, snapshot.members.bit(pod))


def judge_question(
    snapshot: Snapshot, question: Question, findings: list[Finding] | None = None
) -> Judgement:
    """The verdict of the policies in force; with it what those without force would have denied."""
    pod, settings = question.subject.pod, snapshot.config.policy
    if pod is None:
        raise ValueError("policies are about pods")
    rows = snapshot.policies.rows(pod, question.direction)
    verdict = judge(rows, settings, question, findings)
    if not snapshot.staged.policies or not verdict.allowed:
        return verdict
    staged = judge(snapshot.staged.rows(pod, question.direction), settings, question)
    return verdict if staged.allowed else replace(verdict, audited=staged.by)


def _check(passage: Passage, question: Question | None) -> Drop | Reject | None:
    if question is None:
        return None
    judgement = judge_question(passage.snapshot, question)
    if not judgement.allowed:
        return _deny(passage, judgement)
    _note(passage, judgement)
    return None


def _deny(passage: Passage, judgement: Judgement, besides: str = "") -> Drop | Reject:
    _note(passage, judgement, besides)
    if passage.snapshot.config.policy.deny is Deny.REJECT:
        return Reject(RejectKind.ADMINISTRATIVELY_PROHIBITED)
    return Drop(DropReason.POLICY_DENY if judgement.is_explicit else DropReason.POLICY_DENIED)


def _note(passage: Passage, judgement: Judgement, besides: str = "") -> None:
    passage.judgements += (judgement,)
    if passage.trace is not None:
        rule, why = _explained(judgement)
        passage.hop(_STAGES[judgement.direction], rule, why + besides)


def _explained(judgement: Judgement) -> tuple[str, str]:
    """The rule and the reason of a hop."""
    by = ", ".join(map(str, judgement.by))
    kind = f"{judgement.by[0].kind.value} " if judgement.by else ""
    verdict = "allowed" if judgement.allowed else "denied"
    why = f"{verdict}: {judgement.ground.value}"
    if judgement.audited:
        why += f"; would be denied by {', '.join(map(str, judgement.audited))}"
    return f"{kind}{by}" or "no policy", why
