from netcore.conntrack.entry import ConntrackEntry
from netcore.conntrack.timeouts import FlowState
from netcore.conntrack.tuple import FlowTuple
from netcore.conntrack.wheel import HORIZON_S, Wheel
from tests.support.frames import PEER, POD


def entry(expires_at: float) -> ConntrackEntry:
    flow = FlowTuple(6, POD, 1, PEER, 80)
    return ConntrackEntry(flow, flow.reversed(), FlowState.ESTABLISHED, expires_at)


def test_an_entry_is_due_in_the_second_after_its_time_and_once():
    wheel, known = Wheel(), entry(105.5)
    list(wheel.due(100.0))
    wheel.schedule(known, 100.0)
    assert [list(wheel.due(now)) for now in (100.0, 105.9)] == [[], []]
    assert list(wheel.due(106.0)) == [known]
    assert list(wheel.due(200.0)) == []
    assert len(wheel) == 0


def test_nothing_lies_beyond_the_horizon():
    wheel, known = Wheel(), entry(1e6)
    list(wheel.due(100.0))
    wheel.schedule(known, 100.0)
    assert list(wheel.due(100.0 + HORIZON_S)) == []
    assert list(wheel.due(101.0 + HORIZON_S)) == [known]


def test_an_earlier_time_counts_and_a_later_one_waits_for_its_turn():
    wheel, known = Wheel(), entry(150.0)
    wheel.schedule(known, 100.0)
    known.expires_at = 170.0
    wheel.schedule(known, 100.0)
    assert len(wheel) == 1
    known.expires_at = 110.0
    wheel.schedule(known, 100.0)
    assert len(wheel) == 2
    assert list(wheel.due(111.0)) == [known]
    assert list(wheel.due(151.0)) == []


def test_a_sweep_that_comes_very_late_sees_all():
    wheel = Wheel()
    entries = [entry(100.0 + second) for second in range(0, 300, 7)]
    list(wheel.due(99.0))
    for each in entries:
        wheel.schedule(each, 100.0)
    assert set(wheel.due(5000.0)) == set(entries)


def test_only_what_is_wanted_is_kept():
    wheel, wanted, unwanted = Wheel(), entry(150.0), entry(150.0)
    for each in (wanted, unwanted):
        wheel.schedule(each, 100.0)
        each.expires_at = 120.0
        wheel.schedule(each, 100.0)
    for _ in range(256):
        wheel.clean(lambda each: each is wanted)
    assert len(wheel) == 1
    assert list(wheel.due(160.0)) == [wanted]
