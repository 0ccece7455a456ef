from ipaddress import ip_network

import pytest

from netcore.ipam.cidr import carve_node_cidr, node_cidr, node_cidr_count
from netcore.model.errors import AllocationError, ConfigError

CLUSTER = ip_network("10.244.0.0/16")


def networks(*texts: str):
    return [ip_network(text) for text in texts]


def test_count():
    assert node_cidr_count(CLUSTER, 24) == 256
    assert node_cidr_count(CLUSTER, 16) == 1
    assert node_cidr_count(ip_network("fd00::/8"), 64) == 1 << 56


@pytest.mark.parametrize("mask", [15, 33])
def test_mask_that_does_not_fit(mask):
    with pytest.raises(ConfigError, match=r"choose a mask from /16 to /32"):
        node_cidr_count(CLUSTER, mask)


def test_by_index():
    assert node_cidr(CLUSTER, 24, 0) == ip_network("10.244.0.0/24")
    assert node_cidr(CLUSTER, 24, 255) == ip_network("10.244.255.0/24")
    assert node_cidr(ip_network("fd00:10:244::/56"), 64, 3) == ip_network("fd00:10:244:3::/64")


@pytest.mark.parametrize("index", [-1, 256])
def test_index_out_of_range(index):
    with pytest.raises(AllocationError, match="has 256 /24"):
        node_cidr(CLUSTER, 24, index)


@pytest.mark.parametrize(
    ("used", "free"),
    [
        ([], "10.244.0.0/24"),
        (["10.244.0.0/24", "10.244.1.0/24"], "10.244.2.0/24"),
        (["10.244.1.0/24", "10.244.0.0/24", "10.244.3.0/24"], "10.244.2.0/24"),
        (["10.244.1.0/24"], "10.244.0.0/24"),
        (["10.244.0.0/22", "10.244.1.0/24"], "10.244.4.0/24"),
        (["10.244.0.128/25", "10.244.1.0/26"], "10.244.2.0/24"),
        (["10.0.0.0/24", "fd00::/64"], "10.244.0.0/24"),
    ],
)
def test_carving_takes_the_lowest_that_overlaps_nothing(used, free):
    assert carve_node_cidr(CLUSTER, 24, networks(*used)) == ip_network(free)


def test_carving_huge_ranges():
    used = networks("fd00::/64", "fd00:0:0:1::/64")
    assert carve_node_cidr(ip_network("fd00::/8"), 64, used) == ip_network("fd00:0:0:2::/64")


@pytest.mark.parametrize("used", [["10.244.0.0/16"], ["10.0.0.0/8"]])
def test_nothing_left(used):
    with pytest.raises(AllocationError, match=r"no free /24 for another node: 256 in all"):
        carve_node_cidr(CLUSTER, 24, networks(*used))
