from netcore.service.balancing import BalancingTable, NextTurn, ServicePortScope, Stick
from tests.support.cluster import CLIENT, WEB
from tests.support.frames import PEER, POD

SCOPE = (WEB, 6, 80)
OTHER = ServicePortScope(("default", "web"), "http", "TCP")
ONE, TWO = (POD, 8080), (PEER, 8080)


def stick(client=CLIENT, backend=ONE, scope=SCOPE, timeout_s=60):
    return Stick(scope, client, backend, timeout_s)


def client(number):
    return number.to_bytes(4, "big")


def test_turns_begin_at_zero_and_are_kept_apart():
    table = BalancingTable()
    table.commit([NextTurn(SCOPE, 7)], 0.0)
    assert (table.turn(SCOPE), table.turn(OTHER)) == (7, 0)


def test_a_client_sticks_until_its_time_is_over():
    table = BalancingTable()
    table.commit([stick(timeout_s=60)], 1000.0)
    assert table.sticks_to(SCOPE, CLIENT, 1059.9) == ONE
    assert table.sticks_to(SCOPE, CLIENT, 1060.0) is None
    assert table.sticks_to(OTHER, CLIENT, 1000.0) is None
    assert table.sticks_to(SCOPE, POD, 1000.0) is None


def test_each_connection_lets_the_time_begin_anew():
    table = BalancingTable()
    table.commit([stick()], 1000.0)
    table.commit([stick(backend=TWO)], 1050.0)
    assert table.sticks_to(SCOPE, CLIENT, 1109.0) == TWO


def test_the_oldest_clients_give_way():
    table = BalancingTable(max_clients=2)
    for number in (1, 2, 1, 3):
        table.commit([stick(client(number))], 0.0)
    known = [number for number in (1, 2, 3) if table.sticks_to(SCOPE, client(number), 1.0)]
    assert known == [1, 3]


def test_a_full_table_takes_a_client_that_it_knows_without_losing_another():
    table = BalancingTable(max_clients=2)
    for number in (1, 2, 2, 2):
        table.commit([stick(client(number))], 0.0)
    assert table.sticks_to(SCOPE, client(1), 1.0) == ONE


def test_what_is_over_is_forgotten():
    table = BalancingTable(max_clients=3)
    table.commit([stick(client(1), timeout_s=10), stick(client(2), timeout_s=50)], 0.0)
    table.expire(10.0)
    table.commit([stick(client(3)), stick(client(4))], 10.0)  # room for both: one has gone
    assert table.sticks_to(SCOPE, client(1), 0.0) is None
    assert table.sticks_to(SCOPE, client(2), 11.0) == ONE


def test_to_forget_takes_no_longer_than_a_packet_may_wait():
    table = BalancingTable()
    table.commit([stick(client(number)) for number in range(2000)], 0.0)
    table.expire(60.0)
    left = [number for number in range(2000) if table.sticks_to(SCOPE, client(number), 0.0)]
    assert left == list(range(1024, 2000))
    table.expire(60.0)
    assert table.sticks_to(SCOPE, client(1999), 0.0) is None


def test_scopes_that_are_gone_leave_nothing_behind():
    table = BalancingTable()
    table.commit([NextTurn(SCOPE, 3), NextTurn(OTHER, 4), stick(), stick(scope=OTHER)], 0.0)
    table.forget(lambda scope: scope == SCOPE)
    assert (table.turn(SCOPE), table.turn(OTHER)) == (0, 4)
    assert table.sticks_to(SCOPE, CLIENT, 1.0) is None
    assert table.sticks_to(OTHER, CLIENT, 1.0) == ONE
