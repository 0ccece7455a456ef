"""What network plugins do differently where the NetworkPolicy API leaves a choice open."""

from dataclasses import dataclass
from enum import Enum


class Established(Enum):
    """What a change of the policies does to connections that are open."""

    CUT = "cut"
    KEEP = "keep"


class Deny(Enum):
    """How a sender learns of a denial: not at all, or by a TCP reset or ICMP prohibition."""

    DROP = "drop"
    REJECT = "reject"


class Hairpin(Enum):
    """A pod that reaches itself through its Service."""

    BY_POLICY = "by-policy"
    ALWAYS = "always"


class HostNetwork(Enum):
    """Pods in their node's network: as the node that they are, or as the pods that select them.

    All of a node's hostNetwork pods share its addresses, so that as `PODS` a selector matches the
    node when it matches one of them.
    """

    NODES = "nodes"
    PODS = "pods"


class Icmp(Enum):
    """ICMP, which rules with ports never match."""

    BY_POLICY = "by-policy"
    ALWAYS = "always"


class IpBlocks(Enum):
    """The address that an egress rule's ipBlock sees: a Service's endpoint or its own."""

    AFTER_DNAT = "after-dnat"
    BEFORE_DNAT = "before-dnat"


class BlockScope(Enum):
    """What an ipBlock covers: every address, or only those that are no pod's and no node's."""

    ALL = "all"
    OUTSIDE = "outside"


@dataclass(frozen=True, slots=True)
class PolicySettings:
    """One choice each; `enforced` false: policies are accepted and do nothing, as with Flannel."""

    enforced: bool = True
    established: Established = Established.CUT
    deny: Deny = Deny.DROP
    hairpin: Hairpin = Hairpin.BY_POLICY
    host_network: HostNetwork = HostNetwork.NODES
    icmp: Icmp = Icmp.BY_POLICY
    ip_blocks: IpBlocks = IpBlocks.AFTER_DNAT
    block_scope: BlockScope = BlockScope.ALL
