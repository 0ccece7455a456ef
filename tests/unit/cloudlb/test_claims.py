"""Who wants a load balancer of this cloud."""

from dataclasses import replace

import pytest

from cloudlb.claims import INGRESSES, Kind, Owner, claims
from netcore.model.service import ServicePort
from tests.unit.cloudlb.objects import ingress, ips, service


def one(obj):
    (claim,) = claims([obj], [])
    return claim


def test_a_service_claims_addresses_of_its_families():
    claim = one(
        service("web", has=["172.18.255.1"], requested="172.18.255.1", cluster_ips=ips("fd::1"))
    )
    assert claim.owner == Owner("Service", "default", "web")
    assert str(claim.owner) == "Service default/web"
    assert (claim.kind, claim.versions, claim.problem) == (Kind.NETWORK, (6,), "")
    assert claim.present == ips("172.18.255.1")
    assert claim.requested == ips("172.18.255.1")[0]


@pytest.mark.parametrize("class_name", ["", "kubehop.dev/cloudlb"])
def test_classes_of_this_cloud(class_name):
    assert list(claims([service(class_name=class_name)], []))


@pytest.mark.parametrize(
    "obj",
    [
        service(class_name="example.com/other"),
        service(type="NodePort"),
        replace(service(), load_balancer=None),
    ],
)
def test_others_claim_nothing(obj):
    assert list(claims([obj], [])) == []


def test_services_by_name_behind_the_ingresses():
    made = list(
        claims(
            [service("b"), service("a")],
            [ingress("two", has=["172.18.255.2", "fd00::1"]), ingress("one", has=["fd00::1"])],
        )
    )
    assert [str(each.owner) for each in made] == [
        "the Ingresses",
        "Service default/a",
        "Service default/b",
    ]
    assert made[0].owner == INGRESSES
    assert made[0].versions == ()
    assert made[0].present == ips("172.18.255.2", "fd00::1")


def test_ingresses_of_other_classes_claim_nothing():
    assert list(claims([], [ingress(class_name="nginx")])) == []
    assert len(list(claims([], [ingress(class_name="")]))) == 1


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"kind": "application"}, ""),
        ({"kind": "network"}, ""),
        ({"kind": "classic"}, "'classic' is not network or application"),
        (
            {"kind": "application", "ports": (ServicePort("dns", "UDP", 53, 30053),)},
            "no use for port 53/UDP",
        ),
        ({"kind": "network", "ports": (ServicePort("dns", "UDP", 53, 30053),)}, ""),
        (
            {"kind": "application", "ports": (ServicePort("http", "TCP", 80),)},
            "allocateLoadBalancerNodePorts: true",
        ),
    ],
)
def test_what_cannot_be_served_says_why(fields, problem):
    found = one(service(**fields)).problem
    assert problem in found
    assert bool(problem) == bool(found)
