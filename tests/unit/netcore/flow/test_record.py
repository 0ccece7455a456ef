from netcore.flow.names import EventType, FlowVerdict
from netcore.flow.record import Flow, FlowEnd


def test_what_is_not_known_is_empty():
    flow = Flow(1, "node1", EventType.TRACE, FlowVerdict.FORWARDED)
    assert flow.source == FlowEnd() == flow.destination
    assert flow.is_reply is None
    assert (flow.source_ip, flow.icmp_type, flow.summary) == (b"", -1, "")
