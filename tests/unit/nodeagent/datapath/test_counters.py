from netcore.model.policy import Direction
from netcore.pipeline.context import FromHost, FromPod
from netcore.pipeline.verdict import Decision, Deliver, Drop, DropReason, Reject, RejectKind
from netcore.policy.judgement import Ground, Judgement
from nodeagent.datapath.userspace.counters import Counters
from tests.support.frames import POD


def test_packets_and_bytes_by_verdict_and_reasons():
    counters = Counters()
    counters.verdict(Deliver(POD), 100)
    counters.verdict(Deliver(POD), 50)
    counters.verdict(Drop(DropReason.INVALID_VNI), 60)
    counters.verdict(Reject(RejectKind.TIME_EXCEEDED), 40)
    counters.count("other", 3)
    assert counters.read() == {
        "deliver_packets": 2,
        "deliver_bytes": 150,
        "drop_packets": 1,
        "drop_bytes": 60,
        "drop_invalid_vni": 1,
        "reject_packets": 1,
        "reject_bytes": 40,
        "reject_time_exceeded": 1,
        "other": 3,
    }


def test_what_was_read_does_not_change():
    counters = Counters()
    before = counters.read()
    counters.count("other")
    assert before == {}


def test_drops_by_whose_direction_they_are():
    counters = Counters()
    drop = Drop(DropReason.POLICY_DENIED)
    judged = Judgement(Direction.INGRESS, ("a", "b"), allowed=False, ground=Ground.DEFAULT_DENY)
    from_pod = FromPod((POD,), b"")
    counters.dropped(drop, from_pod, 6, Decision(drop, judgements=(judged,)))
    lost = Drop(DropReason.FIB_LOOKUP_FAILED)
    counters.dropped(lost, from_pod, 17, Decision(drop))
    counters.dropped(lost, FromHost(), 1, Decision(drop))
    told = Reject(RejectKind.ADMINISTRATIVELY_PROHIBITED)
    counters.dropped(told, from_pod, 6, Decision(told, judgements=(judged,)))
    refused = Reject(RejectKind.PORT_UNREACHABLE)
    counters.dropped(refused, from_pod, 6, Decision(refused))
    assert counters.read() == {
        "dropped POLICY_DENIED INGRESS TCP": 2,
        "dropped SERVICE_BACKEND_NOT_FOUND EGRESS TCP": 1,
        "dropped FIB_LOOKUP_FAILED EGRESS UDP": 1,
        "dropped FIB_LOOKUP_FAILED INGRESS ICMP": 1,
    }
