from netcore.service.modes.nftables import Nftables
from tests.support.offers import CHI_SQUARE_999, backends, chi_square, frontend, offer, shares

WEB = frontend(*backends(10))


def test_numgen_chooses_by_number():
    choice = Nftables().choose(offer(WEB, random_below=lambda n: n - 3))
    assert (choice.why, choice.backend) == ("numgen random mod 10 gave 7", WEB.backends[7])
    assert choice.updates == ()


def test_shares_with_fixed_dice():
    assert chi_square(shares(Nftables(), WEB, 10_000).values()) < CHI_SQUARE_999[9]


def test_one_look_is_enough_and_unknown_ports_are_refused():
    assert Nftables().compile({WEB.key: WEB}).find(WEB.key) == (WEB, 1)
    assert Nftables().refuses_unknown_ports
