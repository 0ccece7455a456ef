"""What becomes of a packet. Verdicts are data; a datapath carries them out."""

from dataclasses import dataclass
from enum import Enum

from netcore.conntrack.entry import ConntrackEntry
from netcore.packet.rewrite import Rewrite
from netcore.policy.judgement import Judgement
from netcore.service.balancing import Update


class DropReason(Enum):
    """Named and numbered as in Cilium's flow API (api/v1/flow/flow.proto, DropReason)."""

    DROP_REASON_UNKNOWN = 0
    INVALID_SOURCE_MAC = 130
    INVALID_SOURCE_IP = 132
    POLICY_DENIED = 133
    CT_TRUNCATED_OR_INVALID_HEADER = 135
    UNSUPPORTED_L3_PROTOCOL = 139
    STALE_OR_UNROUTABLE_IP = 151
    CT_MAP_INSERTION_FAILED = 155
    IP_FRAGMENTATION_NOT_SUPPORTED = 157
    SERVICE_BACKEND_NOT_FOUND = 158
    NO_TUNNEL_OR_ENCAPSULATION_ENDPOINT = 160
    NO_MAPPING_FOR_NAT_MASQUERADE = 167
    FIB_LOOKUP_FAILED = 169
    ENCAP_PROHIBITED = 170
    DENIED_BY_LB_SRC_RANGE_CHECK = 177
    POLICY_DENY = 181
    INVALID_VNI = 183


class RejectKind(Enum):
    """How a sender is told: an ICMP error, or a reset for TCP where the kind says so."""

    PORT_UNREACHABLE = "port unreachable"
    HOST_UNREACHABLE = "host unreachable"
    FRAGMENTATION_NEEDED = "fragmentation needed"
    TIME_EXCEEDED = "time exceeded"
    ADMINISTRATIVELY_PROHIBITED = "administratively prohibited"


class ReplyKind(Enum):
    """What the node answers itself."""

    ARP = "ARP reply"
    NEIGHBOR_ADVERTISEMENT = "neighbor advertisement"


@dataclass(frozen=True, slots=True)
class Deliver:
    """To the local pod that has this packed address."""

    ip: bytes


@dataclass(frozen=True, slots=True)
class Encap:
    """Into a VXLAN tunnel to `node_name`, whose VTEP has these addresses (packed, 6 bytes)."""

    node_name: str
    underlay: bytes
    vtep_mac: bytes


@dataclass(frozen=True, slots=True)
class ToHost:
    """Through the host endpoint: to the node itself or, through it, out of the cluster."""


@dataclass(frozen=True, slots=True)
class Drop:
    reason: DropReason


@dataclass(frozen=True, slots=True)
class Reject:
    """`mtu_bytes` matters for FRAGMENTATION_NEEDED only."""

    kind: RejectKind
    mtu_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    kind: ReplyKind


Verdict = Deliver | Encap | ToHost | Drop | Reject | Reply


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict and what has to happen with it, in this order: rewrite, conntrack, verdict.

    `entry` is the flow that the packet belongs to: to be inserted when `is_new`, else to be
    refreshed; `replaces` is a finished flow of the same tuple that makes room. `balancing` is
    what the choice of a backend changes for the next connection. `quoted_rewrite`: the packet
    is an ICMP error and the packet that it quotes is to be rewritten by this, too.
    `fragment_to_bytes`:
    the IP packet is larger than the way on carries and is to be cut into fragments no larger
    than that (0: it fits). `is_first_fragment`: later fragments of the same datagram follow it, so
    its tuple is to be remembered, unless `entry` could not be. `judgements`: what policies said,
    egress first.
    """

    verdict: Verdict
    rewrite: Rewrite | None = None
    entry: ConntrackEntry | None = None
    is_new: bool = False
    replaces: ConntrackEntry | None = None
    is_reply: bool = False
    balancing: tuple[Update, ...] = ()
    quoted_rewrite: Rewrite | None = None
    fragment_to_bytes: int = 0
    is_first_fragment: bool = False
    judgements: tuple[Judgement, ...] = ()
