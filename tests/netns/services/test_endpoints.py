"""Which endpoints answer: by readiness, by how near they are, by policy; and those on nodes."""

from dataclasses import replace

import pytest

from netcore.model.host_port import HostPort
from tests.netns.services.site import (
    ALL_FAMILIES,
    NODE_PORT,
    SERVICE,
    WEB,
    ZONES,
    gateway,
    host_pod,
    node_address,
    pod_address,
    slices,
    web,
)
from tests.support.cluster import CLIENT_POD, WEB_PODS

pytestmark = pytest.mark.netns

BOTH_WAYS = pytest.mark.parametrize("is_node_port", [False, True], ids=["cluster-ip", "node-port"])
TERMINATING = {"ready": False, "terminating": True}


def answering(site, version, *, source="client", is_node_port=False):
    address = node_address(1, version) if is_node_port else SERVICE[version]
    return site.answers("TCP", source, address, NODE_PORT if is_node_port else 80)


# Conditions.


@ALL_FAMILIES
@BOTH_WAYS
def test_only_ready_ones_answer(site, is_node_port, version):
    ready, other = slices(WEB_PODS[:2]), slices(WEB_PODS[2:], suffix="b", ready=False)
    site.use(web(NODE_PORT), *ready, *other)
    assert answering(site, version, is_node_port=is_node_port) == {"web-1", "web-2"}


@ALL_FAMILIES
@BOTH_WAYS
def test_those_that_drain_answer_while_there_is_nobody_else(site, is_node_port, version):
    draining = slices(WEB_PODS[:1], **TERMINATING)
    done = slices(WEB_PODS[1:2], suffix="b", serving=False, **TERMINATING)
    unready = slices(WEB_PODS[2:], suffix="c", ready=False)
    site.use(web(NODE_PORT), *draining, *done, *unready)
    assert answering(site, version, is_node_port=is_node_port) == {"web-1"}
    site.use(*slices(WEB_PODS[2:], suffix="c"))
    assert answering(site, version, is_node_port=is_node_port) == {"web-3"}


@ALL_FAMILIES
def test_nobody_answers_when_all_are_done(site, version):
    site.use(web(), *slices(WEB_PODS, serving=False, **TERMINATING))
    assert site.refuses("TCP", "client", SERVICE[version], 80)
    site.use(*slices(WEB_PODS, ready=False))
    assert site.refuses("TCP", "client", SERVICE[version], 80)


@ALL_FAMILIES
def test_of_the_policy_local_those_that_drain_here_answer(site, version):
    here, there = slices(WEB_PODS[:1], **TERMINATING), slices(WEB_PODS[1:], suffix="b")
    site.use(web(NODE_PORT, external_traffic_policy="Local"), *here, *there)
    found = site.answers("TCP", "outside", node_address(1, version), NODE_PORT, 6)
    assert found == {"web-1"}


@ALL_FAMILIES
def test_addresses_that_are_published_before_they_are_ready_answer(site, version):
    """publishNotReadyAddresses: the control plane calls them ready, even while they end."""
    early = slices(WEB_PODS[:1], serving=False)
    late = slices(WEB_PODS[1:2], suffix="b", serving=False, terminating=True)
    site.use(web(publish_not_ready_addresses=True), *early, *late)
    assert answering(site, version) == {"web-1", "web-2"}


# Nearness.


def in_zones():
    return [
        piece
        for pod in WEB_PODS
        for piece in slices([pod], suffix=pod.name, for_zones=(ZONES[pod.node_name],))
    ]


@ALL_FAMILIES
@BOTH_WAYS
def test_hints_keep_connections_in_the_zone(site, is_node_port, version):
    site.use(web(NODE_PORT), *in_zones())
    near = {"web-1", "web-3"}
    assert answering(site, version, is_node_port=is_node_port) == near
    if not is_node_port:
        assert answering(site, version, source="lone") == near
        assert answering(site, version, source="web-2") == {"web-2"}
        assert answering(site, version, source="node2") == {"web-2"}


@ALL_FAMILIES
def test_hints_that_one_endpoint_lacks_or_no_zone_matches_do_not_hold(site, version):
    site.use(web(), *in_zones(), *slices(WEB_PODS[:1], suffix="web-1"))
    assert answering(site, version, source="web-2") == WEB
    site.use(*slices(WEB_PODS[:1], suffix="web-1", for_zones=("c",)))
    site.use(*slices(WEB_PODS[1:2], suffix="web-2", for_zones=("c",)))
    assert answering(site, version, source="web-2") == WEB


@ALL_FAMILIES
def test_hints_keep_connections_on_the_node(site, version):
    hinted = [
        piece
        for pod in WEB_PODS[:2]
        for piece in slices([pod], suffix=pod.name, for_nodes=(pod.node_name,), for_zones=("a",))
    ]
    site.use(web(), *hinted)
    assert answering(site, version, source="client") == {"web-1"}
    assert answering(site, version, source="web-2") == {"web-2"}
    assert answering(site, version, source="lone") == {"web-1", "web-2"}  # its zone, a


@ALL_FAMILIES
def test_the_internal_policy_local_stays_on_the_node(site, version):
    site.use(web(NODE_PORT, internal_traffic_policy="Local"), *slices(WEB_PODS[:2]))
    assert answering(site, version, source="client") == {"web-1"}
    assert answering(site, version, source="node2") == {"web-2"}
    assert site.turns_away("TCP", "lone", SERVICE[version], 80, on="node3")
    assert answering(site, version, is_node_port=True) == {"web-1", "web-2"}


# Endpoints and ports of nodes.


def on_node(number):
    """A pod with hostNetwork."""
    addresses = node_address(number, 4), node_address(number, 6)
    return host_pod(f"node{number}", *addresses, node_name=f"node{number}")


@ALL_FAMILIES
@pytest.mark.parametrize("protocol", ["TCP", "UDP"])
@pytest.mark.parametrize("number", [1, 2])
def test_a_pod_in_the_network_of_its_node_answers(site, number, protocol, version):
    site.use(web(NODE_PORT), *slices([on_node(number)]))
    for source in ("client", "lone", "node1", "node3"):
        assert site.ask(protocol, source, SERVICE[version], 80).name == f"node{number}", source
    for source in ("client", "node3", "outside"):
        answer = site.ask(protocol, source, node_address(1, version), NODE_PORT)
        assert answer.name == f"node{number}", source


@ALL_FAMILIES
def test_whom_a_pod_in_the_network_of_its_node_sees(site, version):
    site.use(web(NODE_PORT), *slices([on_node(1)]))
    assert site.seen_as("TCP", "client", SERVICE[version], 80) == pod_address(CLIENT_POD, version)
    node1 = node_address(1, version)
    for source in ("node1", "outside"):
        assert site.seen_as("TCP", source, node1, NODE_PORT) == node1, source
    site.use(*slices([on_node(2)]))
    assert site.seen_as("TCP", "client", SERVICE[version], 80) == node1
    assert site.seen_as("TCP", "outside", node1, NODE_PORT) == node1


@ALL_FAMILIES
def test_the_policy_local_leads_to_a_pod_in_the_network_of_its_node(site, version):
    """As its node: unlike on a real one, the datapath has to see the answer."""
    site.use(web(NODE_PORT, external_traffic_policy="Local"), *slices([on_node(1)]))
    node1 = node_address(1, version)
    assert site.ask("TCP", "outside", node1, NODE_PORT)[:2] == ("node1", node1)


@ALL_FAMILIES
@pytest.mark.parametrize("protocol", ["TCP", "UDP"])
def test_host_ports_come_after_services(site, protocol, version):
    ports = tuple(HostPort(protocol, port, 8080) for port in (80, NODE_PORT))
    site.use(replace(WEB_PODS[0], host_ports=ports))
    address = node_address(1, version)
    for source in ("client", "lone", "node1", "outside"):
        assert site.ask(protocol, source, address, 80).name == "web-1", source
        assert site.ask(protocol, source, address, NODE_PORT).name == "web-1", source
    assert site.refuses(protocol, "outside", node_address(2, version), 80)
    site.use(web(NODE_PORT), *slices(WEB_PODS[1:2]))
    assert site.ask(protocol, "outside", address, NODE_PORT).name == "web-2"
    assert site.seen_as(protocol, "outside", address, NODE_PORT) == gateway(1, version)
