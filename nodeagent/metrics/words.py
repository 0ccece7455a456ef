"""Drop reasons as Cilium's metrics and monitor word them.

Source: Cilium pkg/monitor/api/drop.go.
"""

from netcore.pipeline.verdict import DropReason

REASONS = {
    DropReason.DROP_REASON_UNKNOWN: "Unknown",
    DropReason.INVALID_SOURCE_MAC: "Invalid source mac",
    DropReason.INVALID_SOURCE_IP: "Invalid source ip",
    DropReason.POLICY_DENIED: "Policy denied",
    DropReason.CT_TRUNCATED_OR_INVALID_HEADER: "CT: Truncated or invalid header",
    DropReason.UNSUPPORTED_L3_PROTOCOL: "Unsupported L3 protocol",
    DropReason.STALE_OR_UNROUTABLE_IP: "Stale or unroutable IP",
    DropReason.CT_MAP_INSERTION_FAILED: "CT: Map insertion failed",
    DropReason.IP_FRAGMENTATION_NOT_SUPPORTED: "IP fragmentation not supported",
    DropReason.SERVICE_BACKEND_NOT_FOUND: "Service backend not found",
    DropReason.NO_TUNNEL_OR_ENCAPSULATION_ENDPOINT: "No tunnel/encapsulation endpoint",
    DropReason.NO_MAPPING_FOR_NAT_MASQUERADE: "No mapping for NAT masquerade",
    DropReason.FIB_LOOKUP_FAILED: "FIB lookup failed",
    DropReason.ENCAP_PROHIBITED: "Encapsulation traffic is prohibited",
    DropReason.DENIED_BY_LB_SRC_RANGE_CHECK: "Denied by LB src range check",
    DropReason.POLICY_DENY: "Policy denied by denylist",
    DropReason.INVALID_VNI: "Invalid VNI",
}


def reason_text(name: str) -> str:
    """The words for a reason's name in any case; the name itself where there are none."""
    try:
        reason = DropReason[name.upper()]
    except KeyError:
        return name.replace("_", " ").capitalize()
    return REASONS.get(reason, reason.name.replace("_", " ").capitalize())
