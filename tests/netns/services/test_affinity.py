"""sessionAffinity ClientIP: a client stays with its endpoint until it was away for too long."""

import pytest

from tests.netns.services.site import (
    ALL_FAMILIES,
    ALL_PROTOCOLS,
    NODE_PORT,
    SERVICE,
    WEB,
    node_address,
    slices,
    web,
)
from tests.support.cluster import WEB_PODS

pytestmark = pytest.mark.netns

TIMEOUT_S = 100


@pytest.fixture
def sticky(site):
    affinity = {"session_affinity": "ClientIP", "session_affinity_timeout_s": TIMEOUT_S}
    site.use(web(NODE_PORT, **affinity), *slices(WEB_PODS))
    return site


@ALL_FAMILIES
@ALL_PROTOCOLS
def test_a_client_stays_at_a_cluster_ip(sticky, protocol, version):
    assert len(sticky.answers(protocol, "client", SERVICE[version], 80)) == 1


@ALL_FAMILIES
@ALL_PROTOCOLS
def test_a_client_outside_stays_at_a_node_port(sticky, protocol, version):
    assert len(sticky.answers(protocol, "outside", node_address(1, version), NODE_PORT)) == 1


@ALL_FAMILIES
def test_every_connection_begins_the_time_anew(sticky, version):
    names = set()
    for _ in range(12):
        names |= sticky.answers("TCP", "client", SERVICE[version], 80, 1)
        sticky.clock.move_on(TIMEOUT_S - 1)
    assert len(names) == 1


@ALL_FAMILIES
@pytest.mark.parametrize("protocol", ["TCP", "UDP"])
def test_after_the_time_any_endpoint_may_be_next(sticky, protocol, version):
    names = set()
    for _ in range(20):
        found = sticky.answers(protocol, "client", SERVICE[version], 80, 2)
        assert len(found) == 1
        names |= found
        sticky.clock.move_on(TIMEOUT_S + 1)
    assert names == WEB


@ALL_FAMILIES
def test_each_client_has_its_own(sticky, version):
    """Pods and the machine outside, over a few rounds, do not all follow one of them."""
    rounds = []
    for _ in range(6):
        rounds.append(
            {sticky.ask("TCP", each, SERVICE[version], 80).name for each in ("client", "web-1")}
        )
        sticky.clock.move_on(TIMEOUT_S + 1)
    assert any(len(names) == 2 for names in rounds)


@ALL_FAMILIES
def test_an_endpoint_that_goes_takes_no_client_along(sticky, version):
    (first,) = sticky.answers("TCP", "client", SERVICE[version], 80, 3)
    sticky.use(*slices([pod for pod in WEB_PODS if pod.name != first]))
    (second,) = sticky.answers("TCP", "client", SERVICE[version], 80)
    assert second in WEB - {first}
    sticky.use(*slices(WEB_PODS))
    assert sticky.answers("TCP", "client", SERVICE[version], 80) == {second}
