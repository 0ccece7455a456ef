"""What became of a decision that could not be carried out."""

from netcore.conntrack.tuple import FlowTuple
from netcore.pipeline.trace import Hop, Stage
from netcore.pipeline.verdict import Drop, DropReason, Verdict


def not_carried_out(flow: FlowTuple, happened: Verdict) -> Hop:
    """The hop that says so, behind those of the decision."""
    reason = happened.reason if isinstance(happened, Drop) else DropReason.DROP_REASON_UNKNOWN
    rule, why = _WHY_NOT.get(reason, ("queue full", "the device or socket took no more"))
    return Hop(Stage.DELIVER, rule, flow, flow, why)


_WHY_NOT = {
    DropReason.CT_MAP_INSERTION_FAILED: ("conntrack", "the flow could not be remembered"),
    DropReason.STALE_OR_UNROUTABLE_IP: ("no device", "the pod's device is not here"),
}
