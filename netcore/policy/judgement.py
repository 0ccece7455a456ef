"""What policies said of a connection, and which rule said it."""

from dataclasses import dataclass
from enum import Enum

from netcore.model.policy import Direction, PolicyKind


class Ground(Enum):
    """Why a connection is allowed or denied."""

    NOT_ISOLATED = "no policy selects the pod"
    OWN_NODE = "the pod's own node always reaches it"
    HAIRPIN = "a pod always reaches itself"
    ICMP = "ICMP always passes"
    RULE = "a rule matches"
    DEFAULT_DENY = "no rule of the policies that isolate the pod matches"


class Match(Enum):
    """What the deciding rule went by, as Cilium's policy_match_type has it."""

    NONE = "none"
    ALL = "all"
    L3_ONLY = "L3-Only"
    L4_ONLY = "L4-Only"
    L3_L4 = "L3-L4"


@dataclass(frozen=True, slots=True)
class RuleReference:
    """A rule of a policy, by its place in the policy's list; without an index, the policy whole."""

    kind: PolicyKind
    namespace: str
    name: str
    index: int | None = None
    rule_name: str = ""

    @property
    def policy(self) -> str:
        """`namespace/name`, or the name of a cluster-scoped policy."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    def __str__(self) -> str:
        which = "" if self.index is None else f" rule {self.rule_name or self.index}"
        return f"{self.policy}{which}"


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict for one direction of a connection, about the pod (namespace, name).

    `by`: the rule that decided; under DEFAULT_DENY the policies that isolate the pod. `audited`:
    the policies without force that would have denied what was allowed.
    """

    direction: Direction
    pod: tuple[str, str]
    allowed: bool
    ground: Ground
    match: Match = Match.NONE
    by: tuple[RuleReference, ...] = ()
    audited: tuple[RuleReference, ...] = ()

    @property
    def is_explicit(self) -> bool:
        """Whether a rule said so, and not the lack of one."""
        return self.ground is Ground.RULE
