"""Ranges of external addresses."""

from ipaddress import ip_address

import pytest

from cloudlb.pool import parse_pool
from netcore.model.errors import ConfigError


def test_ranges_cidrs_and_single_addresses():
    pool = parse_pool("172.18.255.1-172.18.255.3, 10.0.0.8/31,fd00::5")
    inside = ("172.18.255.1", "172.18.255.3", "10.0.0.8", "10.0.0.9", "fd00::5")
    outside = ("172.18.255.0", "172.18.255.4", "10.0.0.10", "fd00::4", "::ac12:ff01")
    assert all(ip_address(text) in pool for text in inside)
    assert not any(ip_address(text) in pool for text in outside)
    assert str(pool) == "172.18.255.1-172.18.255.3, 10.0.0.8-10.0.0.9, fd00::5"
    assert pool.has_version(4)
    assert pool.has_version(6)
    assert not parse_pool("fd00::5").has_version(4)


def test_the_first_that_is_free_in_the_order_of_the_ranges():
    pool = parse_pool("172.18.255.9,172.18.255.1-172.18.255.2,fd00::5")
    given = []
    while (address := pool.first_free(4, given)) is not None:
        given.append(address)
    assert [str(each) for each in given] == ["172.18.255.9", "172.18.255.1", "172.18.255.2"]
    assert str(pool.first_free(6, given)) == "fd00::5"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "write FIRST-LAST, a CIDR or one address"),
        ("nonsense", "'nonsense'"),
        ("10.0.0.1,", "pool ''"),
        ("10.0.0.1/24", "host bits"),
        ("10.0.0.1-x", "'x' is not an IP address"),
        ("10.0.0.5-10.0.0.4", "the last address is not behind the first one"),
        ("10.0.0.5-fd00::1", "the last address is not behind the first one"),
        ("10.0.0.0/8", "more than 65536 addresses"),
        ("fd00::/64", "more than 65536 addresses"),
        ("::/0", "more than 65536 addresses"),
        ("10.0.0.0/16,10.1.0.0", "more than 65536 addresses"),
    ],
)
def test_what_is_no_pool_is_named(text, message):
    with pytest.raises(ConfigError, match="pool") as caught:
        parse_pool(text)
    assert message in str(caught.value)


def test_the_largest_pool():
    pool = parse_pool("fd00::/112")
    assert ip_address("fd00::ffff") in pool
