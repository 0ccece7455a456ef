"""Hops: what each stage saw, did and why."""

from dataclasses import dataclass
from enum import Enum

from netcore.conntrack.tuple import FlowTuple


class Stage(Enum):
    """The stages of `decide`, in their order."""

    ANTI_SPOOF = "anti-spoof"
    NEIGHBOR = "neighbor"
    CONNTRACK = "conntrack"
    SERVICE = "service"
    EGRESS_POLICY = "egress policy"
    ROUTE = "route"
    MTU = "mtu"
    MASQUERADE = "masquerade"
    INGRESS_POLICY = "ingress policy"
    ENCAP = "encap"
    DELIVER = "deliver"


@dataclass(frozen=True, slots=True)
class Hop:
    """`rule` is the row of a table that matched; `before` and `after` differ where it rewrote."""

    stage: Stage
    rule: str
    before: FlowTuple | None
    after: FlowTuple | None
    why: str
