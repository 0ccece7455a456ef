"""Node ports: at every node, from everywhere, and back the same way."""

from itertools import product

import pytest

from tests.netns.services.site import (
    ALL_FAMILIES,
    ALL_PROTOCOLS,
    NODE_PORT,
    OUTSIDE,
    PROTOCOLS,
    WEB,
    gateway,
    node_address,
    pod_address,
    slices,
    web,
)
from tests.support.cluster import CLIENT_POD, WEB_PODS

pytestmark = pytest.mark.netns

NODES = (1, 2, 3)
WAYS = [
    (source, protocol)
    for source in ("client", "lone", "web-2", "node1", "outside")
    for protocol in PROTOCOLS
    # What a raw socket sends has no port where the kernel looks for its route: it does not come
    # to the datapath if it is for the node itself.
    if (source, protocol) != ("node1", "SCTP")
]
ALL_WAYS = pytest.mark.parametrize(("source", "protocol"), WAYS)


@ALL_FAMILIES
@ALL_WAYS
def test_every_node_answers_with_or_without_an_endpoint(site, source, protocol, version):
    """It masquerades as its gateway, so that the answer comes back by it."""
    site.use(web(NODE_PORT), *slices(WEB_PODS[1:2]))
    for number in NODES:
        answer = site.ask(protocol, source, node_address(number, version), NODE_PORT)
        assert (answer.name, answer.client) == ("web-2", gateway(number, version))


@ALL_FAMILIES
@ALL_PROTOCOLS
@pytest.mark.parametrize("source", ["client", "outside"])
def test_all_endpoints_answer(site, source, protocol, version):
    site.use(web(NODE_PORT), *slices(WEB_PODS))
    assert site.answers(protocol, source, node_address(1, version), NODE_PORT) == WEB


@ALL_FAMILIES
def test_every_address_of_the_node_has_it(site, version):
    site.use(web(NODE_PORT), *slices(WEB_PODS[1:2]))
    assert site.ask("TCP", "client", gateway(1, version), NODE_PORT).name == "web-2"


@ALL_FAMILIES
@ALL_WAYS
def test_without_endpoints_it_refuses_at_once(site, source, protocol, version):
    for number, policy in product(NODES, ("Cluster", "Local")):
        site.use(web(NODE_PORT, external_traffic_policy=policy), *slices(()))
        assert site.refuses(protocol, source, node_address(number, version), NODE_PORT)


@ALL_FAMILIES
@ALL_PROTOCOLS
@pytest.mark.parametrize("policy", ["Cluster", "Local"])
def test_a_pod_reaches_itself(site, policy, protocol, version):
    site.use(web(NODE_PORT, external_traffic_policy=policy), *slices(WEB_PODS[:1]))
    answer = site.ask(protocol, "web-1", node_address(1, version), NODE_PORT)
    assert (answer.name, answer.client) == ("web-1", gateway(1, version))


# externalTrafficPolicy: Local.


@pytest.fixture
def local(site):
    """web-2 alone, on node2, and the policy is Local."""
    site.use(web(NODE_PORT, external_traffic_policy="Local"), *slices(WEB_PODS[1:2]))
    return site


@ALL_FAMILIES
@ALL_PROTOCOLS
def test_local_keeps_the_source_of_who_comes_from_outside(local, protocol, version):
    answer = local.ask(protocol, "outside", node_address(2, version), NODE_PORT)
    assert (answer.name, answer.client) == ("web-2", OUTSIDE[version])


@ALL_FAMILIES
@pytest.mark.parametrize("protocol", ["TCP", "UDP"])
def test_local_is_not_answered_by_a_node_without_endpoints(local, protocol, version):
    to = protocol, "outside", node_address(1, version), NODE_PORT
    assert local.turns_away(*to, on="node1")


@ALL_FAMILIES
def test_local_takes_only_the_endpoints_of_the_node(site, version):
    site.use(web(NODE_PORT, external_traffic_policy="Local"), *slices(WEB_PODS))
    for number in NODES:
        address = node_address(number, version)
        assert site.answers("TCP", "outside", address, NODE_PORT) == {f"web-{number}"}


@ALL_FAMILIES
@pytest.mark.parametrize("protocol", ["TCP", "UDP"])
def test_local_is_none_for_pods_and_the_node_itself(local, protocol, version):
    """They are in the cluster and need no source kept: all endpoints are theirs (kube-proxy's
    KUBE-EXT chains); a pod is seen as itself even so.
    """
    address = node_address(1, version)
    seen = {
        source: local.ask(protocol, source, address, NODE_PORT) for source in ("client", "node1")
    }
    assert seen["client"][:2] == ("web-2", pod_address(CLIENT_POD, version))
    assert seen["node1"][:2] == ("web-2", gateway(1, version))


@ALL_FAMILIES
def test_local_sees_a_pod_of_another_node_as_its_node(local, version):
    """It left the cluster's network to come to that node's address."""
    answer = local.ask("TCP", "client", node_address(2, version), NODE_PORT)
    assert (answer.name, answer.client) == ("web-2", node_address(1, version))
    to = "TCP", "client", node_address(3, version), NODE_PORT
    assert local.turns_away(*to, on="node3")
