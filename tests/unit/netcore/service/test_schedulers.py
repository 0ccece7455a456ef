"""Against what Linux' net/netfilter/ipvs does, worked out by hand."""

import pytest

from netcore.model.address import packed
from netcore.service.balancing import BalancingTable
from netcore.service.schedulers import SCHEDULERS
from tests.support.offers import backends, frontend, loads, offer

WEB = frontend(*backends(4))


def picks(scheduler, connections, counts, to=WEB):
    """Which backends (from 0) so many new connections get, each of which stays active."""
    table, chosen = BalancingTable(), []
    active = dict(enumerate(counts))
    for _ in range(connections):
        by_place = {b.place: active[at] for at, b in enumerate(to.backends)}
        choice = SCHEDULERS[scheduler](offer(to, balancing=table, load=loads(by_place)))
        table.commit(choice.updates, 0.0)
        at = to.backends.index(choice.backend)
        active[at] = (active[at][0] + 1, active[at][1])
        chosen.append(at)
    return chosen


IDLE = [(0, 0)] * 4


def test_these_there_are():
    assert set(SCHEDULERS) == {"rr", "wrr", "lc", "wlc", "sh", "dh", "sed", "nq"}


@pytest.mark.parametrize("scheduler", ["rr", "wrr"])
def test_round_robin_asks_nobody_how_busy_he_is(scheduler):
    assert picks(scheduler, 6, [(9, 9), (0, 0), (5, 0), (0, 0)]) == [0, 1, 2, 3, 0, 1]


@pytest.mark.parametrize("scheduler", ["lc", "wlc"])
@pytest.mark.parametrize(
    ("counts", "chosen"),
    [
        (IDLE, [0, 1, 2, 3, 0]),
        ([(1, 0), (0, 255), (1, 0), (1, 0)], [1, 0, 2]),  # 256 inactive weigh as much as 1 active
        ([(1, 0), (0, 257), (1, 1), (2, 0)], [0, 1, 2]),
        ([(0, 3), (0, 2), (0, 2), (0, 9)], [1, 2, 0]),  # equal: the first
    ],
)
def test_least_connection(scheduler, counts, chosen):
    assert picks(scheduler, len(chosen), counts) == chosen


def test_shortest_expected_delay_does_not_see_inactive_ones():
    assert picks("sed", 5, [(2, 0), (1, 0), (0, 900), (1, 0)]) == [2, 1, 2, 3, 0]


def test_never_queue_takes_the_first_that_has_nothing_to_do():
    assert picks("nq", 4, [(1, 0), (0, 900), (0, 0), (7, 0)]) == [1, 2, 0, 1]


def test_never_queue_and_shortest_delay_put_udp_on_the_first():
    """What is not TCP is never active: the real ones do so, too."""
    udp = loads({backend.place: (0, 50) for backend in WEB.backends})
    for scheduler in ("sed", "nq"):
        assert SCHEDULERS[scheduler](offer(WEB, load=udp)).backend == WEB.backends[0]


@pytest.mark.parametrize(
    ("client", "bucket"),
    [
        # hash_32(ntohl(addr), 8): the 8 highest bits of addr * 0x61C88647 modulo 2**32
        ("10.244.1.3", 0x0AF40103 * 0x61C88647 % 2**32 >> 24),
        ("10.244.1.4", 0x0AF40104 * 0x61C88647 % 2**32 >> 24),
        ("0.0.0.1", 0x61),
        ("::1", 0x61),
        ("1::", (0x00010000 * 0x61C88647 % 2**32) >> 24),
        ("::1:0:0:0:1", ((1 ^ 1) * 0x61C88647 % 2**32) >> 24),  # the four words are folded
    ],
)
def test_source_hash(client, bucket):
    choice = SCHEDULERS["sh"](offer(WEB, client=packed(client)))
    assert choice.why == f"source hash: bucket {bucket} holds endpoint {bucket % 4 + 1} of 4"
    assert choice.backend == WEB.backends[bucket % 4]
    assert choice.updates == ()


def test_source_hash_keeps_a_client_whatever_port_it_comes_from():
    chosen = {SCHEDULERS["sh"](offer(WEB, client_port=p)).backend for p in range(1000, 1050)}
    assert len(chosen) == 1


def test_source_hash_spreads_the_clients_of_a_node():
    clients = [packed(f"10.244.1.{host}") for host in range(2, 254)]
    chosen = [SCHEDULERS["sh"](offer(WEB, client=c)).backend for c in clients]
    assert {backend: chosen.count(backend) > 40 for backend in WEB.backends} == dict.fromkeys(
        WEB.backends, True
    )


def test_destination_hash_sends_all_clients_of_an_address_to_one():
    clients = [packed(f"10.244.1.{host}") for host in range(2, 50)]
    chosen = {SCHEDULERS["dh"](offer(WEB, client=c)).backend for c in clients}
    bucket = 0x0A600032 * 0x61C88647 % 2**32 >> 24  # 10.96.0.50
    assert chosen == {WEB.backends[bucket % 4]}
