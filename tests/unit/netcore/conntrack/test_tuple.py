from netcore.conntrack.tuple import FlowTuple
from tests.support.frames import PEER, POD


def test_the_answer_swaps_both_ends_and_keeps_the_protocol():
    flow = FlowTuple(6, POD, 40000, PEER, 80)
    assert flow.reversed() == FlowTuple(6, PEER, 80, POD, 40000)
    assert flow.reversed().reversed() == flow
