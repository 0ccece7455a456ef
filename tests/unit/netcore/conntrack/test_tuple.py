import pytest

from netcore.conntrack.tuple import FlowTuple, pack_flow, unpack_flow
from tests.support.frames import PEER, POD


def test_the_answer_swaps_both_ends_and_keeps_the_protocol():
    flow = FlowTuple(6, POD, 40000, PEER, 80)
    assert flow.reversed() == FlowTuple(6, PEER, 80, POD, 40000)
    assert flow.reversed().reversed() == flow


@pytest.mark.parametrize(
    ("flow", "size_bytes"),
    [
        (FlowTuple(6, bytes((10, 0, 0, 1)), 40000, bytes((10, 0, 0, 2)), 80), 13),
        (FlowTuple(17, bytes(range(16)), 65535, bytes(range(16, 32)), 0), 37),
    ],
)
def test_a_packed_flow_is_small_and_complete(flow, size_bytes):
    packed = pack_flow(flow)
    assert (len(packed), packed[0]) == (size_bytes, flow.protocol)
    assert unpack_flow(packed) == flow
