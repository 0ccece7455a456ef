from netcore.service.balancing import BalancingTable, NextTurn
from netcore.service.modes.ipvs import Ipvs
from tests.support.offers import backends, frontend, offer, shares

WEB = frontend(*backends(4))


def test_round_robin_is_the_default_and_exact():
    assert set(shares(Ipvs(), WEB, 400).values()) == {100}


def test_its_scheduler_chooses():
    busy = lambda key, place: (0, 0) if place == WEB.backends[2].place else (1, 0)  # noqa: E731
    assert Ipvs("lc").choose(offer(WEB, load=busy)).backend == WEB.backends[2]


def test_a_turn_outlives_a_change_of_the_endpoints():
    table = BalancingTable()
    table.commit([NextTurn(WEB.key, 4)], 0.0)
    fewer = offer(frontend(*backends(3)), balancing=table)
    assert Ipvs().choose(fewer).why == "round robin: endpoint 2 of 3"


def test_one_look_is_enough_and_unknown_ports_are_refused():
    assert Ipvs().compile({WEB.key: WEB}).find(WEB.key) == (WEB, 1)
    assert Ipvs().refuses_unknown_ports
