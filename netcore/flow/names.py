"""The words and numbers of Hubble's flows.

Sources: Cilium api/v1/flow/flow.proto, pkg/monitor/api (types.go, drop.go), pkg/identity.
"""

from enum import Enum, IntEnum

from netcore.pipeline.verdict import DropReason, RejectKind


class FlowVerdict(Enum):
    FORWARDED = "FORWARDED"
    DROPPED = "DROPPED"
    AUDIT = "AUDIT"
    TRACED = "TRACED"
    TRANSLATED = "TRANSLATED"


class EventType(IntEnum):
    """What a flow was seen by."""

    DROP = 1
    TRACE = 4
    POLICY_VERDICT = 5
    TRACE_SOCK = 7
    L7 = 129


class TracePoint(IntEnum):
    """Where a packet was seen. `TO_ENDPOINT` is 101 in the enum and 0 as a sub-type."""

    TO_ENDPOINT = 0
    TO_HOST = 2
    TO_STACK = 3
    TO_OVERLAY = 4


class SocketPoint(IntEnum):
    """Before and after a Service's address became that of an endpoint."""

    SOCK_XLATE_POINT_PRE_DIRECTION_FWD = 1
    SOCK_XLATE_POINT_POST_DIRECTION_FWD = 2


class ReservedIdentity(IntEnum):
    """Who is no pod."""

    UNKNOWN = 0
    HOST = 1
    WORLD = 2
    UNMANAGED = 3
    REMOTE_NODE = 6
    KUBE_APISERVER = 7

    @property
    def label(self) -> str:
        """`world`, `remote-node`."""
        return self.name.lower().replace("_", "-")


DROPS_OF_REJECTS = {
    RejectKind.PORT_UNREACHABLE: ("SERVICE_BACKEND_NOT_FOUND", 158),
    RejectKind.HOST_UNREACHABLE: ("FIB_LOOKUP_FAILED", 169),
    RejectKind.FRAGMENTATION_NEEDED: ("IP_FRAGMENTATION_NOT_SUPPORTED", 157),
    RejectKind.TIME_EXCEEDED: ("TTL_EXCEEDED", 196),
    RejectKind.ADMINISTRATIVELY_PROHIBITED: ("POLICY_DENIED", 133),
}
"""Hubble knows no rejects: what it would call the drop instead."""

EXPLICIT_DENY = (DropReason.POLICY_DENY.name, DropReason.POLICY_DENY.value)
DEFAULT_DENY = (DropReason.POLICY_DENIED.name, DropReason.POLICY_DENIED.value)

MATCH_NUMBERS = {"none": 0, "L3-Only": 1, "L3-L4": 2, "L4-Only": 3, "all": 4}
"""policy_match_type, by the value of netcore.policy.judgement.Match."""
