import json
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest

from kubehop.local.spec import (
    ClusterSpec,
    NodeSpec,
    check,
    ipv6_twin,
    node_cidr_mask,
    node_name,
    workers,
)
from netcore.model.errors import ConfigError

SPEC = ClusterSpec("shop", workers("shop", 3))


def test_workers_are_named_as_kind_names_them():
    assert [node.name for node in SPEC.nodes] == ["shop-worker", "shop-worker2", "shop-worker3"]
    assert node_name("shop", "control-plane", 0) == "shop-control-plane"


def test_each_node_has_an_address_of_its_own():
    assert SPEC.node_address(0) == IPv4Address("172.18.0.11")
    assert SPEC.node_address(2) == IPv4Address("172.18.0.13")


def test_addresses_follow_the_clusters_families():
    dual = replace(SPEC, pod_cidr="10.244.0.0/16,fd00::/56", service_cidr="10.96.0.0/16,fd01::/112")
    ipv6 = replace(SPEC, pod_cidr="fd00::/56", service_cidr="fd01::/112")
    first = SPEC.node_address(0)

    assert ipv6_twin(first) == IPv6Address("fc00:f853:ccd:e793::b")
    assert SPEC.addresses(first) == (first,)
    assert dual.addresses(first) == (first, ipv6_twin(first))
    assert ipv6.addresses(first) == (ipv6_twin(first),)
    assert (SPEC.versions, dual.versions, ipv6.versions) == ((4,), (4, 6), (6,))


@pytest.mark.parametrize(
    ("pods", "mask"),
    [
        ("10.244.0.0/16", 24),
        ("10.244.0.0/22", 26),
        ("10.244.0.0/26", 28),
        ("fd00::/48", 64),
        ("fd00::/56", 64),
        ("fd00::/64", 72),
        ("fd00::/116", 120),
    ],
)
def test_a_nodes_share_of_the_pod_cidr(pods, mask):
    assert node_cidr_mask(ip_network(pods)) == mask


def test_json_gives_the_same_spec_back():
    labelled = NodeSpec("n", (("a", "b"),), ("k=v:NoSchedule",))
    spec = replace(SPEC, nodes=(labelled,))

    assert ClusterSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


@pytest.mark.parametrize("count", [0, -1, 101])
def test_a_count_of_nodes_that_cannot_be_is_refused(count):
    with pytest.raises(ConfigError, match="1 to 100 nodes"):
        workers("shop", count)


def test_the_default_ranges_fit_each_other():
    check(replace(SPEC, nodes=workers("shop", 100)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pod_cidr": "10.244.0.0/23"}, None),
        ({"pod_cidr": "10.244.0.0/27"}, "has not a /28 for each of 3 nodes"),
        ({"pod_cidr": "172.16.0.0/12"}, "overlaps the underlay"),
        ({"service_cidr": "10.244.8.0/24"}, "overlaps podSubnet"),
        ({"service_cidr": "fd00::/112"}, "the same IP families in the same order"),
        ({"service_cidr": "10.0.0.1/8"}, 'serviceSubnet "10.0.0.1/8"'),
        ({"pod_cidr": "10.0.0.0/16,10.1.0.0/16"}, "one IPv4 and one IPv6 range"),
        ({"pod_cidr": "fd00::/56", "service_cidr": "fd01::/112"}, None),
        ({"pod_cidr": "fd00::/56", "service_cidr": "fd00::/112"}, "overlaps podSubnet"),
        ({"pod_cidr": "fd00::/120", "service_cidr": "fd01::/112"}, "has not a /120"),
        ({"pod_cidr": "fd00::/48", "service_cidr": "fc00:f853:ccd:e793::/112"}, "the underlay"),
        ({"pod_cidr": "fd00::/56,10.1.0.0/16", "service_cidr": "fd01::/112,10.2.0.0/16"}, None),
        ({"api_address": "localhost"}, "not an IP address"),
        ({"api_port": -2}, "not a port"),
    ],
)
def test_ranges_that_cannot_work_are_refused(change, message):
    spec = replace(SPEC, **change)
    if message is None:
        check(spec)
    else:
        with pytest.raises(ConfigError, match=message):
            check(spec)
