"""Policies compiled to rows: what a connection is held against, in the order of precedence."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from netcore.model.address import contains
from netcore.model.node import Node
from netcore.model.pod import Pod
from netcore.model.policy import Action, Direction, IpBlock, Peer, Policy, PortMatch, Rule
from netcore.model.selector import LabelSelector
from netcore.packet.protocols import PROTOCOL_NAMES
from netcore.policy.judgement import Match, RuleReference
from netcore.policy.members import Members


@dataclass(frozen=True, slots=True)
class Party:
    """One end of a connection: a packed address and who has it, a pod, a node or neither.

    `members`: the bits that stand for it in masks of pods. `block_ip`: the address that ipBlocks
    see, empty where they do not cover this party.
    """

    ip: bytes
    block_ip: bytes
    pod: Pod | None = None
    node: Node | None = None
    members: int = 0


@dataclass(frozen=True, slots=True)
class Question:
    """May `peer` (ingress) or to `peer` (egress) `subject` have a connection?

    `port`: of the destination, None where there is none to see (ICMP, a later fragment).
    `from_own_node`: one end is the node of the subject itself, not what comes by way of it.
    """

    direction: Direction
    subject: Party
    peer: Party
    protocol: int
    port: int | None
    from_own_node: bool = False

    @property
    def destination(self) -> Party:
        return self.subject if self.direction is Direction.INGRESS else self.peer


class Mismatch(Enum):
    """Why a row does not match."""

    PEER = "peer"
    PORT = "port"


@dataclass(frozen=True, slots=True)
class CompiledPeer:
    """A peer as bits of members, blocks of addresses and names of nodes."""

    members: int = 0
    blocks: tuple[IpBlock, ...] = ()
    nodes: frozenset[str] = frozenset()

    def covers(self, party: Party) -> bool:
        if self.members & party.members:
            return True
        if self.nodes and party.node is not None and party.node.name in self.nodes:
            return True
        return bool(self.blocks and party.block_ip) and any(
            covers(block, party.block_ip) for block in self.blocks
        )


@dataclass(frozen=True, slots=True)
class Row:
    """One rule of one policy. Without peers it covers whoever, without ports everything."""

    reference: RuleReference
    rule: Rule
    peers: tuple[CompiledPeer, ...]

    @property
    def action(self) -> Action:
        return self.rule.action

    @property
    def match(self) -> Match:
        """What it goes by."""
        if self.rule.ports:
            return Match.L3_L4 if self.peers else Match.L4_ONLY
        return Match.L3_ONLY if self.peers else Match.ALL

    def peer_of(self, party: Party) -> int | None:
        """The index of the first peer that covers the party."""
        return next((i for i, peer in enumerate(self.peers) if peer.covers(party)), None)

    def mismatch(self, question: Question) -> Mismatch | None:
        """Why the row does not match; None: it does."""
        if self.peers and self.peer_of(question.peer) is None:
            return Mismatch.PEER
        ports = self.rule.ports
        if ports and not any(port_matches(port, question) for port in ports):
            return Mismatch.PORT
        return None


@dataclass(frozen=True, slots=True)
class Rows:
    """All that is held against a pod's connections in one direction, tier by tier."""

    admin: tuple[Row, ...] = ()
    isolating: tuple[RuleReference, ...] = ()
    network: tuple[Row, ...] = ()
    baseline: tuple[Row, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.admin or self.isolating or self.baseline)


NO_ROWS: Final = Rows()


def covers(block: IpBlock, packed_address: bytes) -> bool:
    """Whether the address is of the block's CIDR and of none of its exceptions."""
    return contains(block.network, packed_address) and not any(
        contains(network, packed_address) for network in block.excepts
    )


def port_matches(port: PortMatch, question: Question) -> bool:
    """Whether an entry of `ports` covers the connection; a named port is one of the pod at the
    destination, whichever its number is there.
    """
    protocol = PROTOCOL_NAMES.get(question.protocol)
    if question.port is None or port.protocol not in ("", protocol):
        return False
    if not port.name:
        return port.first <= question.port <= port.last
    pod = question.destination.pod
    return pod is not None and any(
        (named.name, named.protocol, named.port) == (port.name, protocol, question.port)
        for named in pod.named_ports
    )


class Compiler:
    """Compiles policies against one picture of pods, namespaces and nodes; remembers masks."""

    def __init__(
        self, members: Members, namespaces: Mapping[str, Mapping[str, str]], nodes: Iterable[Node]
    ) -> None:
        self._members = members
        self._namespaces = namespaces
        self._nodes = tuple(nodes)
        self._selected: dict[LabelSelector, int] = {}
        self._within: dict[LabelSelector, int] = {}

    def subjects(self, policy: Policy) -> int:
        """The members that the policy is about."""
        if policy.namespaces is None:
            where = self._members.by_namespace.get(policy.namespace, 0)
        else:
            where = self._in_namespaces(policy.namespaces)
        return where & self._pods(policy.pods)

    def rows(self, policy: Policy, direction: Direction) -> tuple[Row, ...]:
        """One row for each rule."""
        kind, namespace, name = policy.kind, policy.namespace, policy.name
        return tuple(
            Row(
                RuleReference(kind, namespace, name, index, rule.name),
                rule,
                tuple(self._peer(peer, namespace) for peer in rule.peers),
            )
            for index, rule in enumerate(policy.rules(direction))
        )

    def _peer(self, peer: Peer, namespace: str) -> CompiledPeer:
        if peer.nodes is not None:
            names = [n.name for n in self._nodes if peer.nodes.first_unmet(n.labels) is None]
            return CompiledPeer(nodes=frozenset(names))
        if peer.pods is None:
            return CompiledPeer(blocks=peer.blocks)
        if peer.namespaces is None:
            where = self._members.by_namespace.get(namespace, 0)
        else:
            where = self._in_namespaces(peer.namespaces)
        return CompiledPeer(where & self._pods(peer.pods))

    def _pods(self, selector: LabelSelector) -> int:
        mask = self._selected.get(selector)
        if mask is None:
            mask = self._selected[selector] = self._members.selected(selector)
        return mask

    def _in_namespaces(self, selector: LabelSelector) -> int:
        mask = self._within.get(selector)
        if mask is None:
            mask = 0
            for name, members in self._members.by_namespace.items():
                if selector.first_unmet(self._namespaces.get(name, {})) is None:
                    mask |= members
            self._within[selector] = mask
        return mask
