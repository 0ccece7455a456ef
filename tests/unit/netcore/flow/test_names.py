from netcore.flow.names import (
    DROPS_OF_REJECTS,
    MATCH_NUMBERS,
    EventType,
    ReservedIdentity,
    TracePoint,
)
from netcore.pipeline.verdict import DropReason, RejectKind
from netcore.policy.judgement import Match


def test_every_reject_and_every_match_has_its_number():
    assert set(DROPS_OF_REJECTS) == set(RejectKind)
    assert set(MATCH_NUMBERS) == {match.value for match in Match}


def test_numbers_are_those_of_cilium():
    assert (EventType.DROP, EventType.TRACE, EventType.L7) == (1, 4, 129)
    assert (TracePoint.TO_ENDPOINT, TracePoint.TO_OVERLAY) == (0, 4)
    assert DropReason.NO_MAPPING_FOR_NAT_MASQUERADE.value == 167
    assert ReservedIdentity.KUBE_APISERVER == 7
    assert ReservedIdentity.REMOTE_NODE.label == "remote-node"
