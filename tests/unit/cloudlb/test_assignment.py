"""Who has which address of the pool."""

from ipaddress import ip_address

from cloudlb.assignment import Assignment, assign
from cloudlb.claims import INGRESSES, Claim, Kind, Owner
from cloudlb.pool import parse_pool
from tests.unit.cloudlb.objects import ips

POOL = parse_pool("10.0.0.1-10.0.0.3,fd00::1-fd00::2")
NOTHING = Assignment()


def claim(name, *versions, requested=None, present=(), problem=""):
    return Claim(
        Owner("Service", "default", name),
        Kind.NETWORK,
        versions or (4,),
        None if requested is None else ip_address(requested),
        ips(*present),
        problem,
    )


def given(*claims, before=NOTHING, pool=POOL):
    """By name: the addresses, or the problem."""
    made = assign(claims, pool, before)
    assert not made.addresses.keys() & made.problems.keys()
    texts = {owner.name: " ".join(map(str, has)) for owner, has in made.addresses.items()}
    return {**texts, **{owner.name: problem for owner, problem in made.problems.items()}}


def test_in_order_and_by_family():
    assert given(claim("a"), claim("b", 6), claim("c", 6, 4)) == {
        "a": "10.0.0.1",
        "b": "fd00::1",
        "c": "fd00::2 10.0.0.2",
    }


def test_the_ingresses_have_one_of_each_family_that_there_is():
    owner = Claim(INGRESSES, Kind.APPLICATION, ())
    assert assign([owner], POOL, NOTHING).addresses[INGRESSES] == ips("10.0.0.1", "fd00::1")
    single = parse_pool("fd00::1")
    assert assign([owner], single, NOTHING).addresses[INGRESSES] == ips("fd00::1")


def test_addresses_stay_when_others_come_and_go():
    first = assign([claim("b"), claim("c")], POOL, NOTHING)
    again = given(claim("a"), claim("c"), before=first)
    assert again == {"a": "10.0.0.1", "c": "10.0.0.2"}


def test_addresses_of_the_status_stay_over_a_restart():
    assert given(claim("a"), claim("b", present=["10.0.0.1"])) == {
        "a": "10.0.0.2",
        "b": "10.0.0.1",
    }


def test_present_addresses_outside_of_the_pool_or_of_another_family_are_replaced():
    assert given(claim("a", present=["10.9.9.9"]), claim("b", present=["fd00::1"])) == {
        "a": "10.0.0.1",
        "b": "10.0.0.2",
    }


def test_the_first_owner_keeps_a_contested_address():
    contested = claim("a", present=["10.0.0.2"]), claim("b", present=["10.0.0.2"])
    assert given(*contested) == {"a": "10.0.0.2", "b": "10.0.0.1"}


def test_a_written_status_takes_nothing_from_who_has_it():
    before = assign([claim("b")], POOL, NOTHING)
    assert given(claim("a", present=["10.0.0.1"]), claim("b"), before=before) == {
        "a": "10.0.0.2",
        "b": "10.0.0.1",
    }


def test_a_requested_address():
    assert given(claim("a"), claim("b", requested="10.0.0.1")) == {
        "a": "10.0.0.2",
        "b": "10.0.0.1",
    }
    before = assign([claim("a")], POOL, NOTHING)
    moved = given(claim("a", requested="10.0.0.3", present=["10.0.0.1"]), before=before)
    assert moved == {"a": "10.0.0.3"}


def test_a_requested_address_and_one_of_the_other_family():
    assert given(claim("a", 4, 6, requested="fd00::2")) == {"a": "10.0.0.1 fd00::2"}


def test_a_requested_address_in_use_or_not_there():
    before = assign([claim("a")], POOL, NOTHING)
    assert given(
        claim("a"),
        claim("b", requested="10.0.0.1"),
        claim("c", requested="10.9.9.9"),
        claim("d", requested="fd00::1"),
        before=before,
    ) == {
        "a": "10.0.0.1",
        "b": "loadBalancerIP 10.0.0.1 is in use by Service default/a",
        "c": f"loadBalancerIP 10.9.9.9 is not in the pool {POOL}",
        "d": "loadBalancerIP fd00::1 is of a family that Service default/d does not have",
    }


def test_an_exhausted_pool_names_the_remedy():
    made = given(*map(claim, "abcd"))
    assert [made[name] for name in "abc"] == ["10.0.0.1", "10.0.0.2", "10.0.0.3"]
    assert "no address is free in the pool" in made["d"]
    assert "--pool" in made["d"]


def test_who_has_to_wait_keeps_nothing_from_others():
    pool = parse_pool("10.0.0.1,fd00::1")
    before = assign([claim("z", 6)], pool, NOTHING)
    made = given(claim("a", 4, 6), claim("b"), claim("z", 6), before=before, pool=pool)
    assert "no address is free" in made["a"]
    assert (made["b"], made["z"]) == ("10.0.0.1", "fd00::1")


def test_a_family_that_the_pool_does_not_have():
    pool = parse_pool("10.0.0.1")
    assert given(claim("a", 6), pool=pool) == {"a": "the pool 10.0.0.1 has no IPv6 addresses"}
    assert given(claim("a", 6, 4), pool=pool) == {"a": "10.0.0.1"}


def test_problems_of_claims_are_passed_on_and_cost_no_address():
    assert given(claim("a", problem="because"), claim("b")) == {"a": "because", "b": "10.0.0.1"}
