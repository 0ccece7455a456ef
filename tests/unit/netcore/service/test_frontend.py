"""Which endpoints answer for a Service: the rules of pkg/proxy/topology.go."""

from dataclasses import replace

import pytest

from netcore.model.address import packed, parse_address, parse_network, text
from netcore.model.endpoint import Endpoint, EndpointPort, EndpointSlice
from netcore.model.service import ServicePort
from netcore.service.frontend import (
    Frontend,
    FrontendKind,
    compile_frontends,
    serving_places,
)
from netcore.service.topology import Place
from tests.support.cluster import OBJECTS, WEB, WEB6, WEB_PODS, service, slice_of

WEB_SERVICE = service("web", 50)
PLACE = Place("node1")
SLICES = [each for each in OBJECTS if isinstance(each, EndpointSlice)]


def compiled(subject=WEB_SERVICE, slices=SLICES) -> dict[tuple[bytes, int, int], Frontend]:
    return {frontend.key: frontend for frontend in compile_frontends(subject, slices, PLACE)}


def backends(*endpoints: Endpoint, **fields) -> list[str]:
    """Who answers TCP port 80 when the IPv4 slice has these endpoints."""
    only = slice_of("web", 4, (), endpoints=endpoints, **fields)
    return addresses(compiled(slices=[only])[WEB, 6, 80])


def addresses(frontend: Frontend) -> list[str]:
    return [f"{text(backend.ip)}:{backend.port}" for backend in frontend.backends]


def endpoint(host: int, **fields) -> Endpoint:
    return Endpoint((parse_address(f"10.244.1.{host}"),), **fields)


def test_a_frontend_for_every_address_and_port_with_the_endpoints_of_its_family():
    found = compiled()
    assert {key: addresses(frontend) for key, frontend in found.items()} == {
        (WEB, 6, 80): ["10.244.1.2:8080", "10.244.2.3:8080", "10.244.3.2:8080"],
        (WEB, 17, 53): ["10.244.1.2:5353", "10.244.2.3:5353", "10.244.3.2:5353"],
        (WEB6, 6, 80): [
            "fd00:10:244:1::2:8080",
            "fd00:10:244:2::3:8080",
            "fd00:10:244:3::2:8080",
        ],
        (WEB6, 17, 53): [
            "fd00:10:244:1::2:5353",
            "fd00:10:244:2::3:5353",
            "fd00:10:244:3::2:5353",
        ],
    }
    assert [backend.target for backend in found[WEB, 6, 80].backends] == [
        pod.key for pod in WEB_PODS
    ]
    assert found[WEB, 6, 80].backends[1].node_name == "node2"


def test_names_are_those_of_kube_proxy():
    assert compiled()[WEB, 6, 80].name == "default/web:http"
    nameless = replace(WEB_SERVICE, ports=(ServicePort("", "TCP", 80),))
    assert compiled(nameless)[WEB, 6, 80].name == "default/web"


def test_unready_endpoints_do_not_answer():
    assert backends(endpoint(2, ready=False), endpoint(3)) == ["10.244.1.3:8080"]


def test_without_ready_endpoints_those_answer_that_serve_while_terminating():
    leaving = endpoint(2, ready=False, serving=True, terminating=True)
    assert backends(leaving, endpoint(3)) == ["10.244.1.3:8080"]
    assert backends(leaving, endpoint(3, ready=False)) == ["10.244.1.2:8080"]
    assert backends(replace(leaving, serving=False)) == []


def test_an_endpoint_in_two_slices_counts_once():
    one = slice_of("web", 4, WEB_PODS[:2])
    two = replace(one, name="web-next")
    assert addresses(compiled(slices=[one, two])[WEB, 6, 80]) == [
        "10.244.1.2:8080",
        "10.244.2.3:8080",
    ]


def test_endpoints_without_addresses_are_passed_over():
    assert backends(Endpoint(()), endpoint(2)) == ["10.244.1.2:8080"]


def test_ports_are_matched_by_name_and_protocol():
    assert backends(endpoint(2), ports=(EndpointPort("other", "TCP", 8080),)) == []
    assert backends(endpoint(2), ports=(EndpointPort("http", "UDP", 8080),)) == []
    named = (EndpointPort("http", "TCP", 8080), EndpointPort("http", "TCP", 9090))
    assert backends(endpoint(2), ports=named) == ["10.244.1.2:8080", "10.244.1.2:9090"]


def test_backends_stand_in_one_order_whatever_the_order_of_the_slices():
    shuffled = [slice_of("web", 4, tuple(reversed(WEB_PODS)))]
    assert addresses(compiled(slices=shuffled)[WEB, 6, 80]) == addresses(compiled()[WEB, 6, 80])


def test_unknown_protocols_and_headless_services_have_no_frontend():
    odd = replace(WEB_SERVICE, ports=(ServicePort("x", "QUIC", 80), ServicePort("s", "SCTP", 9)))
    assert set(compiled(odd)) == {(WEB, 132, 9), (WEB6, 132, 9)}
    assert compiled(replace(WEB_SERVICE, cluster_ips=(), headless=True)) == {}


# The faces of a Service.

OUTSIDE = service(
    "web",
    50,
    type="LoadBalancer",
    ports=(ServicePort("http", "TCP", 80, 30080), ServicePort("dns", "UDP", 53)),
    external_ips=(parse_address("192.0.2.1"),),
    load_balancer_ips=(parse_address("192.0.2.9"), parse_address("2001:db8::9")),
    load_balancer_source_ranges=(parse_network("198.51.100.0/24"),),
)


def test_everything_that_a_port_is_reached_by():
    found = compiled(OUTSIDE)
    assert {(key, one.kind.value, one.shown) for key, one in found.items() if key[1] == 6} == {
        ((WEB, 6, 80), "ClusterIP", "10.96.0.50:80"),
        ((packed("192.0.2.1"), 6, 80), "externalIP", "192.0.2.1:80"),
        ((packed("192.0.2.9"), 6, 80), "LoadBalancer IP", "192.0.2.9:80"),
        ((b"4", 6, 30080), "NodePort", "30080"),
        ((WEB6, 6, 80), "ClusterIP", "[fd00:10:96::50]:80"),
        ((packed("2001:db8::9"), 6, 80), "LoadBalancer IP", "[2001:db8::9]:80"),
        ((b"6", 6, 30080), "NodePort", "30080"),
    }
    assert not [key for key in found if key[1] == 17 and key[0] in (b"4", b"6")], "no node port"


def test_faces_of_a_family_without_a_cluster_ip_are_none():
    """kube-proxy's two halves each see the Services of their own family only."""
    single = replace(OUTSIDE, cluster_ips=OUTSIDE.cluster_ips[:1])
    assert not [key for key in compiled(single) if len(key[0]) == 16 or key[0] == b"6"]


def test_ranges_of_one_family_leave_the_other_open():
    found = compiled(OUTSIDE)
    assert found[packed("192.0.2.9"), 6, 80].source_ranges
    assert found[packed("2001:db8::9"), 6, 80].source_ranges == ()


def test_only_the_address_of_the_balancer_has_source_ranges():
    found = compiled(replace(OUTSIDE, load_balancer_ips=OUTSIDE.load_balancer_ips[:1]))
    ranges = {one.kind.value: one.source_ranges for one in found.values()}
    assert ranges == {
        "ClusterIP": (),
        "externalIP": (),
        "NodePort": (),
        "LoadBalancer IP": (parse_network("198.51.100.0/24"),),
    }


# Policies: web-1 (10.244.1.2) is the only endpoint of node1.

ALL = ["10.244.1.2:8080", "10.244.2.3:8080", "10.244.3.2:8080"]
HERE = ALL[:1]


def pool(kind, *, from_inside, **policies):
    found = compiled(replace(OUTSIDE, **policies))
    one = next(f for f in found.values() if f.kind is kind and len(f.backends[0].ip) == 4)
    usable = one.pool(from_inside=from_inside)
    return [f"{text(backend.ip)}:{backend.port}" for backend in usable]


@pytest.mark.parametrize("kind", list(FrontendKind))
@pytest.mark.parametrize("from_inside", [True, False])
def test_the_policy_cluster_has_them_all(kind, from_inside):
    assert pool(kind, from_inside=from_inside) == ALL


@pytest.mark.parametrize("from_inside", [True, False])
def test_the_internal_policy_is_for_cluster_ips(from_inside):
    local = {"internal_traffic_policy": "Local"}
    assert pool(FrontendKind.CLUSTER_IP, from_inside=from_inside, **local) == HERE
    assert pool(FrontendKind.NODE_PORT, from_inside=from_inside, **local) == ALL


@pytest.mark.parametrize(
    "kind", [FrontendKind.NODE_PORT, FrontendKind.EXTERNAL_IP, FrontendKind.LOAD_BALANCER]
)
def test_the_external_policy_is_for_clients_from_outside(kind):
    local = {"external_traffic_policy": "Local"}
    assert pool(kind, from_inside=False, **local) == HERE
    assert pool(kind, from_inside=True, **local) == ALL
    assert pool(FrontendKind.CLUSTER_IP, from_inside=True, **local) == ALL


def test_local_endpoints_are_only_sought_where_a_policy_asks_for_them():
    assert {one.local_backends for one in compiled(OUTSIDE).values()} == {None}


def test_who_may_still_be_talked_to():
    draining = endpoint(2, ready=False, serving=True, terminating=True)
    published = endpoint(3, ready=True, serving=False)
    slices = [
        slice_of(
            "web", 4, (), endpoints=(draining, published, endpoint(4, ready=False, serving=False))
        ),
        slice_of("web", 6, WEB_PODS),
    ]
    web = compiled(OUTSIDE, slices)
    for key in ((WEB, 6, 80), (b"4", 6, 30080)):
        assert serving_places(web[key], slices) == {
            (packed("10.244.1.2"), 8080),
            (packed("10.244.1.3"), 8080),
        }
    assert len(serving_places(web[b"6", 6, 30080], slices)) == 3
