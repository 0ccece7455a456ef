import pytest

from netcore.service.modes.ebpf import Ebpf
from tests.support.offers import CHI_SQUARE_999, backends, chi_square, frontend, offer, shares

WEB = frontend(*backends(10))


@pytest.mark.parametrize("algorithm", ["random", "maglev"])
def test_shares(algorithm):
    got = shares(Ebpf(algorithm), WEB, 10_000)
    assert chi_square(got.values()) < CHI_SQUARE_999[9], got


def test_chance_names_the_endpoint():
    choice = Ebpf().choose(offer(WEB, random_below=lambda n: 3))
    assert (choice.why, choice.backend) == ("random: endpoint 4 of 10", WEB.backends[3])


def test_maglev_asks_no_dice_and_keeps_a_flow():
    """Two nodes, or one that has lost its memory, send a flow to the same backend."""
    dice = {"random_below": lambda n: pytest.fail("no chance in Maglev")}
    first = Ebpf("maglev").choose(offer(WEB, **dice))
    assert Ebpf("maglev").choose(offer(WEB, **dice)) == first
    assert first.why.startswith("maglev: entry ")
    elsewhere = {Ebpf("maglev").choose(offer(WEB, client_port=p)).backend for p in range(1, 99)}
    assert len(elsewhere) == 10


def test_maglev_moves_few_flows_when_a_backend_goes():
    mode, fewer = Ebpf("maglev"), frontend(*WEB.backends[1:])
    flows = range(1, 2001)
    before = [mode.choose(offer(WEB, client_port=port)).backend for port in flows]
    after = [mode.choose(offer(fewer, client_port=port)).backend for port in flows]
    stayed = [was == now for was, now in zip(before, after, strict=True) if was in fewer.backends]
    assert sum(stayed) / len(stayed) > 0.95


def test_only_the_tables_in_use_are_kept():
    mode = Ebpf("maglev")
    pools = [frontend(*backends(1, first=number)) for number in range(1, 300)]
    for each in pools:
        mode.choose(offer(each))
    assert len(mode._tables) == 256
    assert pools[-1].backends in mode._tables
    assert pools[0].backends not in mode._tables


def test_one_look_is_enough_and_unknown_ports_are_refused():
    assert Ebpf().compile({WEB.key: WEB}).find(WEB.key) == (WEB, 1)
    assert Ebpf().refuses_unknown_ports
