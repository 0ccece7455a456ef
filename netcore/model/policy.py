"""Network policies of all kinds in one shape: subjects, and rules about their peers and ports.

Sources: networking.k8s.io/v1 NetworkPolicy; policy.networking.k8s.io/v1alpha1 AdminNetworkPolicy
and BaselineAdminNetworkPolicy.
"""

from dataclasses import dataclass
from enum import Enum

from netcore.model.address import IpNetwork
from netcore.model.selector import EVERYTHING, LabelSelector

PolicyKey = tuple[str, str, str]
"""(kind, namespace, name); cluster-scoped policies have an empty namespace."""


class PolicyKind(Enum):
    """In the order in which they are asked."""

    ADMIN = "AdminNetworkPolicy"
    NETWORK = "NetworkPolicy"
    BASELINE = "BaselineAdminNetworkPolicy"


class Direction(Enum):
    """As seen from the pod that a policy is about; the values are those of policyTypes."""

    INGRESS = "Ingress"
    EGRESS = "Egress"


class Action(Enum):
    """What a rule does to what it matches. Rules of a NetworkPolicy always allow."""

    ALLOW = "Allow"
    DENY = "Deny"
    PASS = "Pass"


@dataclass(frozen=True, slots=True)
class IpBlock:
    """The addresses of a CIDR without those of the `excepts`."""

    network: IpNetwork
    excepts: tuple[IpNetwork, ...] = ()

    def __str__(self) -> str:
        without = f" except {', '.join(map(str, self.excepts))}" if self.excepts else ""
        return f"{self.network}{without}"


@dataclass(frozen=True, slots=True)
class Peer:
    """One entry of `from` or `to`: blocks, nodes, or pods.

    Pods: those that `pods` selects in the namespaces that `namespaces` selects; None for
    `namespaces` means the policy's own, for `pods` that the peer is not about pods.
    """

    blocks: tuple[IpBlock, ...] = ()
    pods: LabelSelector | None = None
    namespaces: LabelSelector | None = None
    nodes: LabelSelector | None = None

    def __str__(self) -> str:
        if self.blocks:
            return f"ipBlock {', '.join(map(str, self.blocks))}"
        if self.nodes is not None:
            return f"nodes {self.nodes}"
        where = "" if self.namespaces is None else f" in namespaces {self.namespaces}"
        return f"pods {self.pods}{where}"


@dataclass(frozen=True, slots=True)
class PortMatch:
    """One entry of `ports`: a protocol, and of it all ports, first to last, or a named one.

    An empty protocol, of a named port, is any.
    """

    protocol: str = "TCP"
    first: int = 0
    last: int = 65535
    name: str = ""

    def __str__(self) -> str:
        if self.name:
            return f"{self.protocol} {self.name}"
        if (self.first, self.last) == (0, 65535):
            return self.protocol
        numbers = str(self.first) if self.first == self.last else f"{self.first}-{self.last}"
        return f"{self.protocol} {numbers}"


@dataclass(frozen=True, slots=True)
class Rule:
    """What is allowed (denied, passed on). Without peers: whoever; without ports: everything."""

    peers: tuple[Peer, ...] = ()
    ports: tuple[PortMatch, ...] = ()
    action: Action = Action.ALLOW
    name: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy over its subjects: the pods that `pods` selects in its namespace, or, for
    cluster-scoped kinds, in those that `namespaces` selects.

    `isolates`: the directions in which a subject may do only what some NetworkPolicy allows.
    `priority`: of an AdminNetworkPolicy, the lowest goes first. One that is not `enforced` is
    judged and changes nothing.
    """

    kind: PolicyKind
    namespace: str
    name: str
    uid: str = ""
    pods: LabelSelector = EVERYTHING
    namespaces: LabelSelector | None = None
    isolates: frozenset[Direction] = frozenset()
    ingress: tuple[Rule, ...] = ()
    egress: tuple[Rule, ...] = ()
    priority: int = 0
    enforced: bool = True

    @property
    def key(self) -> PolicyKey:
        return (self.kind.value, self.namespace, self.name)

    def rules(self, direction: Direction) -> tuple[Rule, ...]:
        return self.ingress if direction is Direction.INGRESS else self.egress

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name
