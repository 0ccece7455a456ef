from fractions import Fraction

import pytest

from netcore.service.modes.iptables import ChainRules, Iptables
from tests.support.cluster import WEB
from tests.support.offers import CHI_SQUARE_999, backends, chi_square, frontend, node_port, offer
from tests.support.offers import shares as shares_of


def chances(count):
    """The exact chance of each endpoint, from all that the dice of its chain can say."""
    to = frontend(*backends(count))
    found = [Fraction(0)] * count
    for at in range(count):
        # The rules before it do not hold, its own does: a way of the chain has one such ending.
        chance, sides = Fraction(1), []

        def dice(n, wanted=at, sides=sides):
            sides.append(n)
            return 0 if len(sides) == wanted + 1 else 1

        chosen = Iptables().choose(offer(to, random_below=dice)).backend
        for index, n in enumerate(sides):
            chance *= Fraction(1, n) if index == at else Fraction(n - 1, n)
        found[to.backends.index(chosen)] += chance
    return found


@pytest.mark.parametrize("count", [1, 2, 3, 7, 40])
def test_every_endpoint_has_the_same_chance(count):
    assert chances(count) == [Fraction(1, count)] * count


def test_shares_with_fixed_dice():
    got = shares_of(Iptables(), frontend(*backends(5)), 10_000)
    assert chi_square(got.values()) < CHI_SQUARE_999[4]
    assert got != shares_of(Iptables(), frontend(*backends(5)), 10_000, seed=2)
    assert got == shares_of(Iptables(), frontend(*backends(5)), 10_000)


def test_the_reason_is_the_rule_that_held():
    to = frontend(*backends(3))
    rolls = iter((1, 0))
    second = Iptables().choose(offer(to, random_below=lambda n: next(rolls)))
    assert (second.why, second.backend) == (
        "rule 2 of 3: --probability 0.50000 held", to.backends[1],
    )  # fmt: skip
    last = Iptables().choose(offer(to, random_below=lambda n: 1))
    assert (last.why, last.backend) == ("rule 3 of 3: no other one held", to.backends[2])


def test_the_only_endpoint_needs_no_dice():
    to = frontend(*backends(1))
    choice = Iptables().choose(offer(to, random_below=lambda n: pytest.fail("no chance is left")))
    assert choice.backend == to.backends[0]


def test_rules_are_visited_one_by_one():
    each = [frontend(*backends(1), port=port) for port in (80, 81, 82)]
    ports = [node_port(each[0], 30080), node_port(each[1], 30081)]
    rules = ChainRules({one.key: one for one in (ports[0], each[0], each[1], ports[1], each[2])})
    assert [rules.find(one.key)[1] for one in each] == [1, 2, 3]
    # KUBE-NODEPORTS comes after all of KUBE-SERVICES, whose last rule leads there.
    assert [rules.find(one.key)[1] for one in ports] == [5, 6]
    assert rules.find((WEB, 6, 83)) == (None, 4)
    assert rules.find((ports[0].key[0], 6, 30099)) == (None, 6)
    assert rules.find(each[2].key)[0] is each[2]


def test_a_world_without_services_has_the_rule_for_node_ports():
    assert Iptables().compile({}).find((WEB, 6, 80)) == (None, 1)
    assert not Iptables().refuses_unknown_ports
