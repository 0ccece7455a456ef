from netcore.conntrack.fragments import (
    REASSEMBLY_S,
    DatagramKey,
    FragmentTable,
    datagram_of,
)
from netcore.conntrack.table import ConntrackTable
from netcore.conntrack.tuple import FlowTuple
from netcore.packet.packet import parse_packet
from tests.support.frames import PEER, PEER6, POD, POD6, fragment, fragments, udp

START = 1000.0


def key(identification: int) -> DatagramKey:
    return DatagramKey(POD, PEER, 17, identification)


def flow(port: int) -> FlowTuple:
    return FlowTuple(17, POD, port, PEER, 53)


def test_what_the_fragments_of_a_datagram_share():
    parts = fragments(udp(POD, PEER, data=bytes(64)), 16, identification=7)
    assert {datagram_of(parse_packet(part)) for part in parts} == {key(7)}


def test_ipv6_tells_datagrams_apart_by_ends_and_identification():
    later = fragment(POD6, PEER6, 60, bytes(16), 16, more=True, identification=0xCAFED00D)
    assert datagram_of(parse_packet(later)) == DatagramKey(POD6, PEER6, 0, 0xCAFED00D)


def test_a_first_fragment_is_found_by_its_datagram():
    table = FragmentTable()
    table.remember(key(1), flow(1), START)
    assert table.lookup(key(1)) == flow(1)
    assert table.lookup(key(2)) is None


def test_a_sender_may_use_an_identification_again():
    table = FragmentTable()
    table.remember(key(1), flow(1), START)
    table.remember(key(2), flow(2), START)
    table.remember(key(1), flow(3), START + 20)
    assert (table.lookup(key(1)), len(table)) == (flow(3), 2)
    table.expire(START + REASSEMBLY_S)
    assert (table.lookup(key(1)), len(table)) == (flow(3), 1)


def test_the_oldest_makes_room():
    table = FragmentTable(max_datagrams=2)
    for number in (1, 2):
        table.remember(key(number), flow(number), START)
    table.remember(key(1), flow(1), START)  # its age counts anew
    table.remember(key(3), flow(3), START)
    assert [table.lookup(key(number)) for number in (1, 2, 3)] == [flow(1), None, flow(3)]


def test_nothing_is_kept_longer_than_a_receiver_waits():
    table = FragmentTable()
    table.remember(key(1), flow(1), START)
    table.expire(START + REASSEMBLY_S - 0.5)
    assert len(table) == 1
    table.expire(START + REASSEMBLY_S)
    assert len(table) == 0


def test_conntrack_answers_for_its_fragments_and_lets_them_expire():
    flows = ConntrackTable()
    flows.fragments.remember(key(1), flow(1), START)
    assert flows.first_fragment(key(1)) == flow(1)
    flows.expire(START + REASSEMBLY_S)
    assert flows.first_fragment(key(1)) is None
