from ipaddress import ip_address, ip_network

import pytest

from netcore.ipam import allocator as module
from netcore.ipam.allocator import AddressAllocator
from netcore.model.errors import AllocationError, ConfigError


def allocator(cidr: str = "10.244.1.0/24", reuse_delay_s: float = 30) -> AddressAllocator:
    return AddressAllocator(ip_network(cidr), "worker", reuse_delay_s)


def test_addresses_go_up_from_behind_the_gateway():
    pool = allocator()
    assert pool.cidr == ip_network("10.244.1.0/24")
    assert pool.gateway == ip_address("10.244.1.1")
    assert [str(pool.allocate(0)) for _ in range(2)] == ["10.244.1.2", "10.244.1.3"]
    assert len(pool) == 2


def test_exhausted():
    pool = allocator()
    given = {pool.allocate(0) for _ in range(253)}
    assert len(given) == pool.capacity == 253
    assert not given & {ip_address(f"10.244.1.{last}") for last in (0, 1, 255)}
    message = "pod CIDR 10.244.1.0/24 of node worker has no free address: 253 in use"
    with pytest.raises(AllocationError, match=f"^{message}$"):
        pool.allocate(0)


def test_ipv6_has_no_broadcast_address():
    pool = allocator("fd00::/126")
    assert [str(pool.allocate(0)) for _ in range(2)] == ["fd00::2", "fd00::3"]
    with pytest.raises(AllocationError, match="2 in use"):
        pool.allocate(0)


def test_huge_ranges_are_not_materialised():
    pool = allocator("fd00:10:244::/48")
    assert pool.capacity == (1 << 80) - 2
    assert str(pool.allocate(0)) == "fd00:10:244::2"


@pytest.mark.parametrize("cidr", ["10.0.0.0/31", "10.0.0.1/32", "fd00::/127"])
def test_no_room_for_a_pod(cidr):
    with pytest.raises(ConfigError, match=f"{cidr} of node worker has no room"):
        allocator(cidr)


def test_smallest_useful_ranges():
    assert allocator("10.0.0.0/30").capacity == 1


def test_a_released_address_is_the_last_to_come_back():
    pool = allocator("10.0.0.0/29", reuse_delay_s=0)
    first = pool.allocate(0)
    assert pool.release(first, 1)
    assert [pool.allocate(1) for _ in range(5)][-1] == first


def test_a_released_address_rests():
    pool = allocator("10.0.0.0/29")
    first, *_ = [pool.allocate(0) for _ in range(4)]
    pool.release(first, 10)
    assert str(pool.allocate(11)) == "10.0.0.6"
    pool.release(ip_address("10.0.0.3"), 40)
    assert pool.allocate(40) == first  # rested for 30 s, unlike .3


def test_rather_an_unrested_address_than_none():
    pool = allocator("10.0.0.0/29")
    given = [pool.allocate(0) for _ in range(5)]
    pool.release(given[3], 1)
    pool.release(given[0], 2)
    assert pool.allocate(3) == given[3]  # the one released longest ago
    assert pool.allocate(3) == given[0]


def test_the_round_goes_on_past_what_is_in_use():
    pool = allocator("10.0.0.0/29", reuse_delay_s=0)
    given = [pool.allocate(0) for _ in range(5)]
    pool.release(given[1], 0)
    assert pool.allocate(1) == given[1]


def test_release_is_idempotent():
    pool = allocator()
    address = pool.allocate(0)
    assert pool.release(address, 0)
    assert not pool.release(address, 0)
    assert not pool.release(ip_address("192.0.2.1"), 0)
    assert not pool.release(ip_address("fd00::1"), 0)


def test_specific_addresses():
    pool = allocator()
    address = ip_address("10.244.1.2")
    pool.allocate_specific(address)
    assert address in pool
    assert str(pool.allocate(0)) == "10.244.1.3"
    pool.release(address, 0)
    assert address not in pool
    pool.allocate_specific(address)  # at rest is no obstacle
    assert address in pool


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("10.244.2.2", "is not in pod CIDR"),
        ("fd00::2", "is not in pod CIDR"),
        ("10.244.1.0", "is reserved"),
        ("10.244.1.1", "is reserved"),
        ("10.244.1.255", "is reserved"),
        ("10.244.1.2", "is already in use"),
    ],
)
def test_specific_addresses_that_cannot_be_had(address, reason):
    pool = allocator()
    pool.allocate(0)
    with pytest.raises(AllocationError, match=f"{address} .*{reason}|{address} {reason}"):
        pool.allocate_specific(ip_address(address))


def test_memory_for_resting_addresses_is_bounded(monkeypatch):
    monkeypatch.setattr(module, "_MAX_RESTING", 2)
    pool = allocator("10.0.0.0/29")
    given = [pool.allocate(0) for _ in range(5)]
    for address in given[:3]:
        pool.release(address, 0)
    assert pool.allocate(0) == given[0]  # forgotten, so it does not rest
