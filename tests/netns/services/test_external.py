"""Addresses that come from outside of the cluster: a balancer's, and externalIPs."""

import pytest

from netcore.model.address import parse_address, parse_network
from tests.netns.services.site import (
    ALL_FAMILIES,
    ALL_PROTOCOLS,
    BALANCER_IP,
    EXTERNAL_IP,
    NODE_PORT,
    OUTSIDE,
    WEB,
    gateway,
    node_address,
    pod_address,
    slices,
    web,
)
from tests.support.cluster import CLIENT_POD, WEB_PODS

pytestmark = pytest.mark.netns


def addresses(of):
    return tuple(map(parse_address, of.values()))


FACES = {
    "balancer": (BALANCER_IP, {"load_balancer_ips": addresses(BALANCER_IP)}),
    "external": (EXTERNAL_IP, {"external_ips": addresses(EXTERNAL_IP)}),
}
ALL_FACES = pytest.mark.parametrize(("at", "fields"), FACES.values(), ids=FACES)


def outer(**fields):
    return web(NODE_PORT, type="LoadBalancer", **fields)


@ALL_FAMILIES
@ALL_PROTOCOLS
@ALL_FACES
def test_it_is_answered_from_everywhere(site, at, fields, protocol, version):
    """By the node that the packet comes to first."""
    site.use(outer(**fields), *slices(WEB_PODS[1:2]))
    for source, first in (("client", 1), ("web-2", 2), ("node1", 1), ("node3", 3), ("outside", 1)):
        answer = site.ask(protocol, source, at[version], 80)
        assert (answer.name, answer.client) == ("web-2", gateway(first, version)), source


@ALL_FAMILIES
@ALL_FACES
def test_all_endpoints_answer(site, at, fields, version):
    site.use(outer(**fields), *slices(WEB_PODS))
    assert site.answers("TCP", "outside", at[version], 80) == WEB


@ALL_FAMILIES
@ALL_FACES
@pytest.mark.parametrize("protocol", ["TCP", "UDP"])
def test_without_endpoints_it_refuses_at_once(site, at, fields, protocol, version):
    site.use(outer(**fields), *slices(()))
    for source in ("client", "node1", "outside"):
        assert site.refuses(protocol, source, at[version], 80)


@ALL_FAMILIES
@ALL_FACES
@ALL_PROTOCOLS
def test_the_policy_local_keeps_the_source(site, at, fields, protocol, version):
    site.use(outer(**fields, external_traffic_policy="Local"), *slices(WEB_PODS))
    assert site.ask(protocol, "outside", at[version], 80)[:2] == ("web-1", OUTSIDE[version])
    seen = site.seen_as(protocol, "client", at[version], 80)
    assert seen == pod_address(CLIENT_POD, version)


@ALL_FAMILIES
@ALL_FACES
def test_the_policy_local_is_not_answered_without_endpoints_here(site, at, fields, version):
    site.use(outer(**fields, external_traffic_policy="Local"), *slices(WEB_PODS[1:2]))
    assert site.turns_away("TCP", "outside", at[version], 80, on="node1")
    assert site.ask("TCP", "client", at[version], 80).name == "web-2"


@ALL_FAMILIES
def test_an_address_that_the_balancer_proxies_is_none_of_the_nodes(site, version):
    """Of ipMode Proxy: it is not in the Service that nodes get, and packets go to who has it."""
    own = {4: "172.18.255.201", 6: "fd00:172:18:ff::2"}[version]
    site.machine("outside").run("ip", "addr", "replace", own, "dev", "lo")
    via = OUTSIDE[version]
    site.machine("node1").run("ip", "route", "replace", own, "via", via)
    site.use(outer(), *slices(WEB_PODS))
    answer = site.ask("TCP", "client", own, 8080)
    assert (answer.name, answer.client) == ("outside", node_address(1, version))


def ranges(*texts):
    return tuple(map(parse_network, texts))


@pytest.fixture
def outsiders(site):
    """The machine outside may come in by the balancer's address, nobody else."""
    own = ranges(f"{OUTSIDE[4]}/32", f"{OUTSIDE[6]}/128")
    balancer = outer(load_balancer_ips=addresses(BALANCER_IP), load_balancer_source_ranges=own)
    site.use(balancer, *slices(WEB_PODS[1:2]))
    return site


@pytest.fixture
def others(site):
    """Somebody else may come in by the balancer's address."""
    else_where = ranges("192.0.2.0/24", "2001:db8::/64")
    balancer = outer(
        load_balancer_ips=addresses(BALANCER_IP), load_balancer_source_ranges=else_where
    )
    site.use(balancer, *slices(WEB_PODS[1:2]))
    return site


REFUSED = "denied_by_lb_src_range_check"


@ALL_FAMILIES
@ALL_PROTOCOLS
def test_source_ranges_let_in_who_is_in_them(outsiders, protocol, version):
    assert outsiders.ask(protocol, "outside", BALANCER_IP[version], 80).name == "web-2"


@ALL_FAMILIES
@pytest.mark.parametrize("protocol", ["TCP", "UDP"])
def test_source_ranges_keep_out_who_is_not(others, protocol, version):
    for source in ("outside", "client"):
        to = protocol, source, BALANCER_IP[version], 80
        assert others.drops(*to, on="node1", because=REFUSED)


@ALL_FAMILIES
def test_source_ranges_do_not_hold_at_node_ports_and_cluster_ips(others, version):
    assert others.ask("TCP", "outside", node_address(1, version), NODE_PORT).name == "web-2"
    cluster_ip = {4: "10.96.0.50", 6: "fd00:10:96::50"}[version]
    assert others.ask("TCP", "client", cluster_ip, 80).name == "web-2"
