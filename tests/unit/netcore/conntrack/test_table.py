import sys

import pytest

from netcore.conntrack.entry import ConntrackEntry
from netcore.conntrack.table import ConntrackTable
from netcore.conntrack.timeouts import FlowState
from netcore.conntrack.tuple import FlowTuple
from netcore.conntrack.wheel import HORIZON_S
from netcore.packet.protocols import TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN
from tests.support.frames import PEER, POD

START = 1000.0


def flow(port: int, protocol: int = 6) -> FlowTuple:
    return FlowTuple(protocol, POD, port, PEER, 80)


def entry(port: int = 1, state: FlowState = FlowState.ESTABLISHED) -> ConntrackEntry:
    return ConntrackEntry(flow(port), flow(port).reversed(), state)


@pytest.fixture
def table() -> ConntrackTable:
    return ConntrackTable(max_entries=3)


def test_an_entry_is_found_by_both_of_its_tuples(table):
    known = entry()
    assert table.insert(known, START)
    assert table.lookup(flow(1)) == (known, False)
    assert table.lookup(flow(1).reversed()) == (known, True)
    assert table.lookup(flow(2)) is None
    assert list(table) == [known]
    assert known.packets == (1, 0)
    assert known.expires_at == START + FlowState.ESTABLISHED.timeout_s


def test_a_packet_to_oneself_is_one_flow(table):
    own = FlowTuple(17, POD, 5, POD, 5)
    known = ConntrackEntry(own, own, FlowState.UDP_UNREPLIED)
    assert table.insert(known, START)
    assert table.lookup(own) == (known, False)
    table.remove(known)
    assert (len(table), table.lookup(own)) == (0, None)


def test_a_taken_tuple_is_refused_in_either_direction(table):
    table.insert(entry(1), START)
    assert not table.insert(entry(1), START)
    same_reply = ConntrackEntry(flow(2), flow(1).reversed(), FlowState.ESTABLISHED)
    assert not table.insert(same_reply, START)
    assert len(table) == 1
    assert table.lookup(flow(2)) is None


def test_a_full_table_refuses_and_stays_as_it_is(table):
    assert all(table.insert(entry(port), START) for port in (1, 2, 3))
    assert table.is_full
    assert not table.insert(entry(4), START)
    assert table.lookup(flow(4)) is None
    table.remove(table.lookup(flow(2))[0])
    assert table.insert(entry(4), START)


def test_a_refresh_moves_state_timeout_and_count(table):
    known = entry(state=FlowState.SYN_SENT)
    table.insert(known, START)
    table.refresh(known, START + 1, TCP_SYN | TCP_ACK, is_reply=True)
    assert (known.state, known.expires_at) == (FlowState.SYN_RECV, START + 1 + 60)
    table.refresh(known, START + 2, TCP_ACK, is_reply=False)
    assert (known.state, known.packets) == (FlowState.ESTABLISHED, (2, 1))


def test_a_forgotten_flow_is_over_for_those_who_still_hold_it(table):
    known = entry()
    table.insert(known, START)
    table.remove(known)
    table.remove(known)
    assert known.expires_at < START
    assert len(table) == 0
    assert table.lookup(flow(1).reversed()) is None


def test_forgetting_a_stranger_leaves_its_namesake(table):
    known = entry()
    table.insert(known, START)
    table.remove(entry())
    assert table.lookup(flow(1)) == (known, False)


def sweep(table: ConntrackTable, start: float, seconds: int) -> int:
    return sum(table.expire(start + second) for second in range(seconds + 1))


def test_entries_go_when_their_time_is_over_and_not_before(table):
    table.insert(entry(1, FlowState.CLOSE), START + 0.5)
    assert sweep(table, START, 10) == 0
    assert table.expire(START + 11) == 1
    assert len(table) == 0


def test_a_refreshed_entry_outlives_its_first_slot(table):
    known = entry(1, FlowState.UDP_UNREPLIED)
    table.insert(known, START)
    table.refresh(known, START + 20, 0, is_reply=False)
    assert sweep(table, START, 49) == 0
    assert table.expire(START + 51) == 1


def test_a_long_lived_entry_is_kept_beyond_the_horizon(table):
    table.insert(entry(), START)
    assert sweep(table, START, int(HORIZON_S * 3)) == 0
    assert len(table) == 1


def test_a_closed_flow_does_not_wait_for_the_slot_of_its_former_state(table):
    known = entry()
    table.insert(known, START)
    table.refresh(known, START + 1, TCP_RST, is_reply=False)
    assert sweep(table, START, 10) == 0
    assert table.expire(START + 12) == 1


def test_a_long_pause_is_made_good_at_once(table):
    for port, state in enumerate((FlowState.CLOSE, FlowState.ICMP, FlowState.ESTABLISHED)):
        table.insert(entry(port, state), START)
    table.expire(START)
    assert table.expire(START + 3600) == 2
    assert [known.state for known in table] == [FlowState.ESTABLISHED]


def test_what_was_inserted_long_before_the_first_sweep_is_not_forgotten_by_it(table):
    table.insert(entry(1, FlowState.CLOSE), START)
    table.insert(entry(2, FlowState.ICMP), START)
    assert table.expire(START + 100) == 2


def test_an_empty_table_has_nothing_to_forget(table):
    assert table.expire(START) == 0


def test_the_wheel_does_not_grow_with_the_packets_of_a_flow(table):
    known = entry()
    table.insert(known, START)
    for step in range(1000):
        flags = (TCP_RST, TCP_SYN | TCP_ACK, TCP_FIN)[step % 3]
        table.refresh(known, START + step / 1000, flags, is_reply=True)
    assert len(table._wheel) <= 3


def test_a_removed_entry_leaves_the_wheel_by_itself(table):
    known = entry(1, FlowState.CLOSE)
    table.insert(known, START)
    table.remove(known)
    assert table.expire(START + 60) == 0
    assert len(table._wheel) == 0


def test_the_oldest_flow_that_is_not_assured_gives_way_when_the_table_is_full(table):
    states = (FlowState.ESTABLISHED, FlowState.UDP_UNREPLIED, FlowState.SYN_SENT)
    kept, oldest, younger = (entry(port, state) for port, state in enumerate(states))
    for each in (kept, oldest, younger):
        assert table.insert(each, START)
    assert not table.is_full
    assert table.insert(entry(4), START)
    assert (table.lookup(oldest.original), oldest.expires_at) == (None, 0.0)
    assert {each.original for each in table} == {flow(0), flow(2), flow(4)}
    assert table.early_drops == 1


def test_a_flow_that_became_assured_meanwhile_does_not_give_way(table):
    flows = [entry(port, FlowState.SYN_RECV) for port in (1, 2, 3)]
    for each in flows:
        table.insert(each, START)
    for each in flows:
        table.refresh(each, START + 1, TCP_ACK, is_reply=False)
    assert table.is_full
    assert not table.insert(entry(4), START + 1)
    assert table.early_drops == 0


def test_a_closed_flow_gives_way(table):
    flows = [entry(port) for port in (1, 2, 3)]
    for each in flows:
        table.insert(each, START)
    table.refresh(flows[1], START + 1, TCP_FIN, is_reply=False)
    assert not table.is_full
    assert table.insert(entry(4), START + 1)
    assert flows[1].expires_at == 0.0


def test_a_taken_tuple_makes_no_flow_give_way(table):
    for port in (1, 2, 3):
        table.insert(entry(port, FlowState.SYN_SENT), START)
    assert not table.insert(entry(1, FlowState.SYN_SENT), START)
    assert (len(table), table.early_drops) == (3, 0)


def test_a_flood_of_new_flows_takes_no_more_room_than_the_table_has(table):
    for port in range(10_000):
        assert table.insert(entry(port, FlowState.SYN_SENT), START)
    assert (len(table), table.early_drops) == (3, 9_997)
    assert max(len(table._wheel), len(table._unassured)) < 1_400


def test_a_flow_that_opens_and_closes_for_ever_is_queued_a_bounded_number_of_times(table):
    known = entry()
    table.insert(known, START)
    for _ in range(2_000):
        table.refresh(known, START, TCP_RST, is_reply=False)
        table.refresh(known, START, TCP_SYN | TCP_ACK, is_reply=True)
        table.refresh(known, START, TCP_ACK, is_reply=False)
    assert len(table._unassured) < 1_100


def test_the_room_of_a_flood_is_given_back():
    table = ConntrackTable()
    table.insert(entry(1), START)
    empty = sys.getsizeof(table._by_key)
    for port in range(2, 5_000):
        table.insert(entry(port, FlowState.CLOSE), START)
    assert sys.getsizeof(table._by_key) > 100 * empty
    sweep(table, START, 12)
    assert (len(table), len(table._wheel), len(table._unassured)) == (1, 1, 0)
    assert sys.getsizeof(table._by_key) == empty
    assert table.lookup(flow(1).reversed()) is not None


def test_ipv6_flows_are_told_apart_by_all_of_their_bytes(table):
    first = FlowTuple(17, bytes(15) + b"\1", 1, bytes(15) + b"\2", 53)
    second = first._replace(src=b"\1" + bytes(14) + b"\1")
    assert table.insert(ConntrackEntry(first, first.reversed(), FlowState.UDP_UNREPLIED), START)
    known, is_reply = table.lookup(first.reversed())
    assert (known.original, known.reply, is_reply) == (first, first.reversed(), True)
    assert table.lookup(second) is None
