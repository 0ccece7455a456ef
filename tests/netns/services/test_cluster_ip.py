"""Cluster IPs: every protocol, family and kind of client."""

import pytest

from netcore.model.service import ServicePort
from tests.netns.services.site import (
    ALL_FAMILIES,
    ALL_PROTOCOLS,
    NOBODY,
    OUTSIDE,
    SERVICE,
    WEB,
    gateway,
    host_pod,
    node_address,
    pod_address,
    slices,
    web,
)
from tests.support.cluster import CLIENT_POD, WEB_PODS

pytestmark = pytest.mark.netns

SOURCES = pytest.mark.parametrize("source", ["client", "lone", "node1", "outside"])


@ALL_FAMILIES
@ALL_PROTOCOLS
@SOURCES
def test_all_endpoints_answer(site, source, protocol, version):
    site.use(web(), *slices(WEB_PODS))
    assert site.answers(protocol, source, SERVICE[version], 80) == WEB


@ALL_FAMILIES
@ALL_PROTOCOLS
def test_pods_are_seen_as_themselves_and_others_as_the_node(site, protocol, version):
    site.use(web(), *slices(WEB_PODS[1:2]))
    address = SERVICE[version]
    assert site.seen_as(protocol, "client", address, 80) == pod_address(CLIENT_POD, version)
    assert site.seen_as(protocol, "node1", address, 80) == gateway(1, version)
    assert site.seen_as(protocol, "outside", address, 80) == gateway(1, version)


@ALL_FAMILIES
def test_each_port_leads_to_its_target_port(site, version):
    ports = (ServicePort("http", "TCP", 80), ServicePort("admin", "TCP", 81))
    site.use(
        web(ports=ports),
        *slices(WEB_PODS[:1], {"http": ("TCP", 8080), "admin": ("TCP", 8081)}),
    )
    assert site.answers("TCP", "client", SERVICE[version], 80, 3) == {"web-1"}
    assert site.answers("TCP", "client", SERVICE[version], 81, 3) == {"web-1:8081"}


@ALL_FAMILIES
@ALL_PROTOCOLS
def test_a_named_target_port_may_differ_by_pod(site, protocol, version):
    old, new = slices(WEB_PODS[:1]), slices(WEB_PODS[1:2], 8081, suffix="b")
    site.use(web(), *old, *new)
    assert site.answers(protocol, "client", SERVICE[version], 80) == {"web-1", "web-2:8081"}


@ALL_FAMILIES
@pytest.mark.parametrize("protocol", ["TCP", "UDP"])
def test_a_hand_written_endpoint_outside_of_the_cluster(site, protocol, version):
    site.use(web(), *slices([host_pod("outside", *OUTSIDE.values())]))
    for source in ("client", "node1"):
        answer = site.ask(protocol, source, SERVICE[version], 80)
        assert (answer.name, answer.client) == ("outside", node_address(1, version))


@ALL_FAMILIES
@ALL_PROTOCOLS
@SOURCES
def test_without_endpoints_it_refuses_at_once(site, source, protocol, version):
    site.use(web(), *slices(()))
    assert site.refuses(protocol, source, SERVICE[version], 80)


@ALL_FAMILIES
@pytest.mark.parametrize("protocol", ["TCP", "UDP"])
@pytest.mark.parametrize("source", ["client", "node1"])
def test_a_port_that_the_service_has_not(site, mode, source, protocol, version):
    """kube-proxy's iptables rules know nothing of it, so that it is routed on, to nobody."""
    site.use(web(), *slices(WEB_PODS))
    if mode == "iptables":
        assert site.drops(protocol, source, SERVICE[version], 81, on="node1", because=NOBODY)
    else:
        assert site.refuses(protocol, source, SERVICE[version], 81)


@ALL_FAMILIES
@ALL_PROTOCOLS
def test_a_pod_reaches_itself(site, protocol, version):
    site.use(web(), *slices(WEB_PODS[:1]))
    answer = site.ask(protocol, "web-1", SERVICE[version], 80)
    assert (answer.name, answer.client) == ("web-1", gateway(1, version))


@ALL_FAMILIES
def test_it_comes_and_goes(site, version):
    site.use(web(), *slices(()))
    assert site.refuses("TCP", "client", SERVICE[version], 80)
    site.use(*slices(WEB_PODS[1:2]))
    assert site.answers("TCP", "client", SERVICE[version], 80, 3) == {"web-2"}
    site.use(*slices(()))
    assert site.refuses("TCP", "client", SERVICE[version], 80)
    site.use(gone=(web(),))
    assert site.drops("TCP", "client", SERVICE[version], 80, on="node1", because=NOBODY)
