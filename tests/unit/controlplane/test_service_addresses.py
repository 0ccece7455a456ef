"""Pools of cluster IPs and node ports."""

from ipaddress import ip_address, ip_network
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.api.strategies.service_addresses import (
    choose_ip,
    choose_node_port,
    claim_ip,
    claim_node_port,
    static_band_size,
    taken_ips,
    taken_node_ports,
)
from netcore.model.errors import AllocationError


@pytest.mark.parametrize(("cidr", "size"), [("10.0.0.0/16", 256), ("10.0.0.0/24", 16),
                                            ("10.0.0.0/20", 256), ("10.0.0.0/28", 16)])  # fmt: skip
def test_the_static_band(cidr, size):
    assert static_band_size(ip_network(cidr)) == size


@given(st.integers(0, 2**32), st.integers(24, 30))
def test_every_address_is_given_once_upper_band_first(seed, prefix):
    cidr, random = ip_network(f"10.0.0.0/{prefix}"), Random(seed)
    taken = set()
    order = []
    for _ in range(cidr.num_addresses - 2):
        address = choose_ip(cidr, taken, random)
        assert str(address) not in taken
        assert address not in (cidr[0], cidr.broadcast_address)
        taken.add(str(address))
        order.append(int(address) - int(cidr[0]))
    with pytest.raises(AllocationError, match="range is full"):
        choose_ip(cidr, taken, random)
    band = min(static_band_size(cidr), cidr.num_addresses - 2)
    upper = [index >= band for index in order]
    assert upper == sorted(upper, reverse=True)


@pytest.mark.parametrize("text", ["10.0.0.0", "10.0.0.255", "10.0.1.1", "fd00::1"])
def test_addresses_that_cannot_be_claimed(text):
    with pytest.raises(AllocationError, match=r"The range of valid IPs is 10\.0\.0\.0/24"):
        claim_ip(ip_network("10.0.0.0/24"), set(), text)


def test_claims():
    cidr = ip_network("10.0.0.0/24")
    assert claim_ip(cidr, set(), "10.0.0.9") == ip_address("10.0.0.9")
    with pytest.raises(AllocationError, match="already allocated"):
        claim_ip(cidr, {"10.0.0.9"}, "10.0.0.9")
    with pytest.raises(AllocationError, match="not a valid IP"):
        claim_ip(cidr, set(), "x")
    assert claim_node_port({30001}, 30000) == 30000


def test_node_ports_run_out():
    taken = set(range(30000, 32768))
    with pytest.raises(AllocationError, match="range is full"):
        choose_node_port(taken, Random(1))
    taken.remove(30007)
    assert choose_node_port(taken, Random(1)) == 30007
    assert choose_node_port({30001}, Random(1)) >= 30086


def test_what_services_hold():
    services = [
        {"spec": {"clusterIPs": ["10.0.0.1"], "ports": [{"nodePort": 30001}]}},
        {"spec": {"clusterIPs": ["None"], "healthCheckNodePort": 30002}},
        {"spec": {"type": "ExternalName", "clusterIPs": []}},
        {"spec": {"clusterIPs": ["fd00:0::1"]}},
    ]
    assert taken_ips(services) == {"10.0.0.1", "fd00::1"}
    assert taken_node_ports(services) == {30001, 30002}
