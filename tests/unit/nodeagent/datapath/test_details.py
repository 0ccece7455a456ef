from netcore.conntrack.entry import ConntrackEntry
from netcore.conntrack.timeouts import FlowState
from netcore.conntrack.tuple import FlowTuple
from netcore.pipeline.trace import Hop, Stage
from netcore.pipeline.verdict import Decision, ToHost
from nodeagent.datapath.details import TrackedFlow
from nodeagent.datapath.userspace.timed_hops import TimedHops

FLOW = FlowTuple(6, b"\x0a\0\0\1", 40000, b"\x0a\0\0\2", 80)


def test_a_hop_is_timed_when_it_is_noted():
    times = iter((5, 9))
    hops = TimedHops(lambda: next(times))
    for why in ("a", "b"):
        hops.append(Hop(Stage.ROUTE, "r", FLOW, FLOW, why))
    assert [hop.why for hop in hops] == ["a", "b"]
    assert hops.times_ns == [5, 9]


def test_a_tracked_flow_is_a_copy():
    entry = ConntrackEntry(FLOW, FLOW.reversed(), FlowState.SYN_SENT, service="a/b:c")
    found = TrackedFlow.of(Decision(ToHost(), entry=entry, is_new=True))
    entry.state = FlowState.ESTABLISHED
    assert found == TrackedFlow("SYN_SENT", True, False, FLOW, FLOW.reversed(), "a/b:c")
    assert TrackedFlow.of(Decision(ToHost())) is None
