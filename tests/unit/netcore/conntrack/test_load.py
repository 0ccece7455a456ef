import pytest

from netcore.conntrack.entry import ConntrackEntry
from netcore.conntrack.load import LoadCount
from netcore.conntrack.table import ConntrackTable
from netcore.conntrack.timeouts import FlowState
from netcore.conntrack.tuple import FlowTuple
from netcore.packet.protocols import TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN
from tests.support.cluster import CLIENT, WEB
from tests.support.frames import PEER, POD

HTTP, DNS = (WEB, 6, 80), (WEB, 17, 53)
ONE, TWO = (HTTP, (POD, 8080)), (HTTP, (PEER, 8080))


def entry(backend=POD, port=1000, state=FlowState.SYN_SENT, frontend=HTTP):
    protocol = frontend[1] if frontend else 6
    return ConntrackEntry(
        FlowTuple(protocol, CLIENT, port, WEB, 80),
        FlowTuple(protocol, backend, 8080, CLIENT, port),
        state,
        frontend=frontend,
    )


@pytest.mark.parametrize(
    ("state", "load"),
    [
        # tcp_state_active_table: from the first segment until somebody says FIN.
        (FlowState.SYN_SENT, (1, 0)),
        (FlowState.SYN_RECV, (1, 0)),
        (FlowState.ESTABLISHED, (1, 0)),
        (FlowState.FIN_WAIT, (0, 1)),
        (FlowState.TIME_WAIT, (0, 1)),
        (FlowState.CLOSE, (0, 1)),
        (FlowState.UDP_STREAM, (0, 1)),
    ],
)
def test_what_is_active(state, load):
    count = LoadCount()
    count.add(entry(state=state))
    assert count.of(ONE) == load
    assert count.of(TWO) == (0, 0)


def test_flows_that_no_service_is_behind_count_for_nothing():
    count = LoadCount()
    direct = entry(frontend=None)
    count.add(direct)
    direct.state = FlowState.CLOSE
    count.change(direct, FlowState.SYN_SENT)
    count.remove(direct)
    assert list(count) == []


def test_what_has_no_flows_is_not_remembered():
    count = LoadCount()
    first, second = entry(port=1), entry(port=2)
    for each in (first, second):
        count.add(each)
    count.remove(first)
    assert (count.of(ONE), list(count)) == ((1, 0), [ONE])
    count.remove(second)
    assert list(count) == []


def test_the_table_keeps_count_through_the_life_of_a_connection():
    table = ConntrackTable()
    flow = entry()
    table.insert(flow, 0.0)
    assert table.load(*ONE) == (1, 0)
    table.refresh(flow, 0.0, TCP_SYN | TCP_ACK, is_reply=True)
    table.refresh(flow, 0.0, TCP_ACK, is_reply=False)
    assert table.load(*ONE) == (1, 0)
    table.refresh(flow, 0.0, TCP_FIN | TCP_ACK, is_reply=False)
    assert table.load(*ONE) == (0, 1)
    table.expire(1000.0)
    assert (table.load(*ONE), list(table.loaded())) == ((0, 0), [])


def test_a_flow_that_is_refused_or_forgotten_twice_counts_once():
    table = ConntrackTable()
    flow = entry()
    assert table.insert(flow, 0.0)
    assert not table.insert(entry(), 0.0)
    assert table.load(*ONE) == (1, 0)
    table.refresh(flow, 0.0, TCP_RST, is_reply=True)
    table.remove(flow)
    table.remove(flow)
    assert list(table.loaded()) == []


def test_a_flow_that_gives_way_to_another_is_counted_no_longer():
    table = ConntrackTable(max_entries=1)
    table.insert(entry(), 0.0)
    table.insert(entry(PEER, port=2), 0.0)
    assert (table.load(*ONE), table.load(*TWO)) == ((0, 0), (1, 0))
