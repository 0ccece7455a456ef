from netcore.packet.packet import parse_packet
from netcore.pipeline.context import Context, FromHost
from netcore.pipeline.passage import Passage
from netcore.pipeline.stages.tracking import flow_of
from netcore.pipeline.trace import Hop, Stage
from netcore.service.balancing import BalancingTable
from tests.support.frames import ip, udp


def passage(node1, data: bytearray, trace: list[Hop] | None) -> Passage:
    packet = parse_packet(data)
    ctx = Context(FromHost(), 1.0, BalancingTable(), lambda n: 0)
    return Passage(
        node1.snapshot, node1.flows, packet, ctx, trace, flow_of(packet), flow_of(packet)
    )


def test_a_hop_shows_the_flow_as_it_is_unless_told_otherwise(node1):
    trace: list[Hop] = []
    subject = passage(node1, udp(), trace)
    translated = subject.flow._replace(dst_port=5353)
    subject.hop(Stage.ROUTE, "rule", "why")
    subject.hop(Stage.SERVICE, "rule", "why", translated)
    assert [(hop.before, hop.after) for hop in trace] == [
        (subject.flow, subject.flow),
        (subject.flow, translated),
    ]


def test_without_a_trace_nothing_is_noted(node1):
    subject = passage(node1, udp(), None)
    subject.hop(Stage.ROUTE, "rule", "why")
    assert subject.trace is None


def test_a_first_fragment_still_has_its_ports(node1):
    data = ip(b"\1" * 4, b"\2" * 4, 17, udp()[34:], more_fragments=True)
    assert not passage(node1, data, None).is_fragment
    assert passage(node1, data, None).is_first_fragment
    later = ip(b"\1" * 4, b"\2" * 4, 17, bytes(16), fragment_offset=8)
    assert passage(node1, later, None).is_fragment
    assert not passage(node1, later, None).is_first_fragment
    assert not passage(node1, udp(), None).is_first_fragment
