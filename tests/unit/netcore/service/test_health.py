"""What load balancers hear of a node's endpoints."""

from dataclasses import replace

from netcore.model.address import parse_address
from netcore.model.endpoint import Endpoint
from netcore.service.health import health_check_ports, local_ready_endpoints
from tests.support.cluster import WEB_PODS, service, slice_of

WEB = service("web", 50)
BOTH = [slice_of("web", 4, WEB_PODS), slice_of("web", 6, WEB_PODS)]


def endpoint(host: int, **fields) -> Endpoint:
    return Endpoint((parse_address(f"10.244.1.{host}"),), node_name="node1", **fields)


def test_endpoints_of_this_node_that_are_ready():
    assert local_ready_endpoints(WEB, BOTH, "node1") == 1
    assert local_ready_endpoints(WEB, BOTH[:1], "node9") == 0


def test_an_address_counts_once_however_many_slices_have_it():
    again = replace(BOTH[0], name="web-new")
    assert local_ready_endpoints(WEB, [BOTH[0], again], "node1") == 1


def test_one_that_terminates_counts_no_more_though_it_still_serves():
    leaving = endpoint(8, ready=False, serving=True, terminating=True)
    slices = [slice_of("web", 4, (), endpoints=(endpoint(7), leaving))]
    assert local_ready_endpoints(WEB, slices, "node1") == 1


def test_ports_of_the_services_that_have_one():
    local = service("local", 60, health_check_node_port=32000)
    assert health_check_ports([service("web", 50), local]) == {32000: ("default", "local")}
