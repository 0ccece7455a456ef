"""Endpoints made of backends, and back."""

from controlplane.controllers.backends import backends_of
from controlplane.controllers.endpoint_subsets import (
    MAX_ADDRESSES,
    backends_of_endpoints,
    is_over_capacity,
    subsets_of,
)
from tests.unit.controlplane.objects import pod, service


def test_ready_unready_and_terminating():
    going = pod("c", ip="10.0.0.3", deletionTimestamp="2030-01-01T00:00:00Z")
    pods = [pod("a", ip="10.0.0.1"), pod("b", ip="10.0.0.2", ready=False), going]
    (subset,) = subsets_of(backends_of(service(), pods, lambda node: ""), "IPv4")
    assert [a["ip"] for a in subset["addresses"]] == ["10.0.0.1"]
    assert [a["ip"] for a in subset["notReadyAddresses"]] == ["10.0.0.2"]
    assert subset["addresses"][0]["nodeName"] == "n1"
    assert subset["ports"] == [{"port": 8080, "protocol": "TCP"}]


def test_no_pods_no_subsets():
    assert subsets_of(backends_of(service(), [], lambda node: ""), "IPv4") == []


def test_addresses_stand_in_the_order_of_their_texts():
    pods = [pod("a", ip="10.0.0.9"), pod("b", ip="10.0.0.10"), pod("c", ip="10.0.0.2")]
    (subset,) = subsets_of(backends_of(service(), pods, lambda node: ""), "IPv4")
    assert [a["ip"] for a in subset["addresses"]] == ["10.0.0.10", "10.0.0.2", "10.0.0.9"]


def test_of_too_many_the_ready_ones_come_first():
    pods = [
        pod(f"p{n:04}", ip=f"10.0.{n // 250}.{n % 250}", ready=n >= 5)
        for n in range(MAX_ADDRESSES + 3)
    ]
    backends = backends_of(service(), pods, lambda node: "")
    (subset,) = subsets_of(backends, "IPv4")
    assert (len(subset["addresses"]), len(subset["notReadyAddresses"])) == (998, 2)
    assert is_over_capacity(backends, "IPv4")
    assert not is_over_capacity(backends, "IPv6")
    assert not is_over_capacity(backends_of(service(), pods[3:], lambda node: ""), "IPv4")


def test_hand_made_endpoints_become_backends():
    endpoints = {
        "subsets": [
            {
                "addresses": [{"ip": "10.0.0.1", "hostname": "h"}, {"ip": "fd00::1"}],
                "notReadyAddresses": [{"ip": "10.0.0.2"}],
                "ports": [{"name": "pg", "port": 5432}],
            }
        ]
    }
    groups = {g.address_type: g for g in backends_of_endpoints(endpoints)}
    assert set(groups) == {"IPv4", "IPv6"}
    assert [e["conditions"]["ready"] for e in groups["IPv4"].endpoints] == [True, False]
    assert groups["IPv4"].endpoints[0]["hostname"] == "h"
    assert groups["IPv4"].ports == (("pg", "TCP", 5432, None),)
    assert backends_of_endpoints({}) == []


def test_the_number_of_addresses_is_bounded():
    many = [{"ip": f"10.{n // 65536}.{n // 256 % 256}.{n % 256}"} for n in range(1, 1200)]
    (group,) = backends_of_endpoints({"subsets": [{"addresses": many}]})
    assert len(group.endpoints) == MAX_ADDRESSES
