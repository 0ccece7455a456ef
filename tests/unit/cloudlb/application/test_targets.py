"""The nodes behind a request, and whose turn it is."""

from ipaddress import ip_address

import pytest

from cloudlb.application.targets import Target, TargetGroup, Turns
from tests.unit.cloudlb.objects import ips, ranges


def group(*ports, sources=()):
    return TargetGroup(tuple(Target(ip_address("10.0.0.1"), port) for port in ports), sources)


def first(turns, of):
    return turns.order(of)[0].port


def test_authorities():
    four, six = ips("10.0.0.1", "fd00::1")
    assert Target(four, 80).authority == "10.0.0.1:80"
    assert Target(six, 80).authority == "[fd00::1]:80"


@pytest.mark.parametrize(
    ("client", "admitted"),
    [("10.1.2.3", True), ("11.0.0.1", False), ("fd00::1", True), ("fe80::1", False)],
)
def test_source_ranges(client, admitted):
    made = group(1, sources=ranges("10.0.0.0/8", "fd00::/16"))
    assert made.admits(ip_address(client)) is admitted
    assert group(1).admits(ip_address(client))


def test_a_range_of_one_family_admits_none_of_the_other():
    assert not group(1, sources=ranges("0.0.0.0/0")).admits(ip_address("fd00::1"))


def test_in_turn_and_the_others_behind():
    turns = Turns()
    made = group(1, 2, 3)
    orders = [[target.port for target in turns.order(made)] for _ in range(4)]
    assert orders == [[1, 2, 3], [2, 3, 1], [3, 1, 2], [1, 2, 3]]
    assert turns.order(group()) == ()


def test_groups_have_turns_of_their_own():
    turns = Turns()
    one, other = group(1, 2), group(3, 4)
    assert [first(turns, each) for each in (one, other) * 2] == [1, 3, 2, 4]


def test_the_group_that_was_not_asked_for_longest_is_forgotten():
    turns = Turns()
    kept, lost = group(1, 2), group(3, 4)
    assert (first(turns, lost), first(turns, kept)) == (3, 1)
    for port in range(5, 1027):
        first(turns, group(port))
    assert first(turns, kept) == 2
    first(turns, group(2000))
    assert first(turns, lost) == 3
