"""Which endpoints answer for a Service: the rules of pkg/proxy/topology.go."""

from dataclasses import replace

from netcore.model.address import parse_address, text
from netcore.model.endpoint import Endpoint, EndpointPort, EndpointSlice
from netcore.model.service import ServicePort
from netcore.service.frontend import Frontend, compile_frontends
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
