"""Who stands behind a Service."""

import pytest

from controlplane.controllers.backends import backends_of
from tests.unit.controlplane.objects import pod, service


def of(svc, pods, zone=lambda node: ""):
    return backends_of(svc, pods, zone)


def test_conditions_follow_the_pod():
    going = pod("c", deletionTimestamp="2030-01-01T00:00:00Z")
    (group,) = of(service(), [pod("a"), pod("b", ready=False), going])
    conditions = [
        tuple(e["conditions"][k] for k in ("ready", "serving", "terminating"))
        for e in group.endpoints
    ]
    assert conditions == [(True, True, False), (False, False, False), (False, True, True)]
    assert group.port_objects() == [{"name": "", "port": 8080, "protocol": "TCP"}]


def test_unready_addresses_can_be_published():
    (group,) = of(service(publishNotReadyAddresses=True), [pod(ready=False)])
    assert group.endpoints[0]["conditions"] == {
        "ready": True, "serving": False, "terminating": False,
    }  # fmt: skip


def test_finished_pods_and_pods_without_address_are_none():
    (group,) = of(service(), [pod("a", phase="Succeeded"), pod("b", ip="")])
    assert group.endpoints == []
    assert group.ports == ()


def test_named_ports_group_pods():
    svc = service(ports=[{"name": "http", "port": 80, "targetPort": "web"}])
    one, two, three = pod("a"), pod("b"), pod("c")
    one["spec"]["containers"][0]["ports"] = [{"name": "web", "containerPort": 8080}]
    two["spec"]["containers"][0]["ports"] = [{"name": "web", "containerPort": 9090}]
    three["spec"]["containers"][0]["ports"] = [
        {"name": "web", "containerPort": 53, "protocol": "UDP"}
    ]
    groups = of(svc, [one, two, three])
    found = {tuple(p[2] for p in g.ports): g.endpoints[0]["targetRef"]["name"] for g in groups}
    # Who has no such port is listed without one: a headless name still leads there.
    assert found == {(8080,): "a", (9090,): "b", (): "c"}


def test_a_headless_service_without_ports_has_endpoints():
    (group,) = of(service(ports=[], clusterIP="None"), [pod()])
    assert len(group.endpoints) == 1
    assert group.port_objects() == []


def test_hostname_zone_node_and_target():
    named = pod("a")
    named["spec"] |= {"hostname": "h", "subdomain": "web"}
    other = pod("b")
    other["spec"] |= {"hostname": "h2", "subdomain": "elsewhere"}
    (group,) = of(service(), [named, other], {"n1": "z1"}.get)
    assert [e.get("hostname") for e in group.endpoints] == ["h", None]
    assert group.endpoints[0]["zone"] == "z1"
    assert group.endpoints[0]["nodeName"] == "n1"
    assert group.endpoints[0]["targetRef"]["name"] == "a"


@pytest.mark.parametrize(
    ("distribution", "hints"),
    [
        (None, None),
        ("PreferClose", {"forZones": [{"name": "z1"}]}),
        ("PreferSameZone", {"forZones": [{"name": "z1"}]}),
        ("PreferSameNode", {"forZones": [{"name": "z1"}], "forNodes": [{"name": "n1"}]}),
    ],
)
def test_ready_endpoints_are_hinted_for_where_they_are(distribution, hints):
    svc = service(trafficDistribution=distribution)
    (group,) = of(svc, [pod("a"), pod("b", ready=False)], {"n1": "z1"}.get)
    assert [e.get("hints") for e in group.endpoints] == [hints, None]


def test_a_family_without_endpoints_says_so():
    groups = of(service(ipFamilies=["IPv4", "IPv6"]), [pod()])
    assert {g.address_type: len(g.endpoints) for g in groups} == {"IPv4": 1, "IPv6": 0}
    groups = of(service(ipFamilies=["IPv4", "IPv6"]), [])
    assert {g.address_type: g.ports for g in groups} == {"IPv4": (), "IPv6": ()}


def test_families_are_separate():
    dual = pod()
    dual["status"]["podIPs"] = [{"ip": "10.0.0.1"}, {"ip": "fd00::1"}]
    groups = of(service(ipFamilies=["IPv4", "IPv6"]), [dual])
    assert {g.address_type: g.endpoints[0]["addresses"] for g in groups} == {
        "IPv4": ["10.0.0.1"],
        "IPv6": ["fd00::1"],
    }
