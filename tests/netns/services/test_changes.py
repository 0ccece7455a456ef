"""What becomes of flows that go on while the endpoints change."""

import pytest

from tests.netns.services.site import (
    ALL_FAMILIES,
    NODE_PORT,
    SERVICE,
    WEB,
    node_address,
    slices,
    web,
)
from tests.support.cluster import WEB_PODS
from tests.support.responders import who

pytestmark = pytest.mark.netns

WAYS = {
    "pod-to-cluster-ip": ("client", SERVICE, 80),
    "node-to-cluster-ip": ("node1", SERVICE, 80),
    "outside-to-node-port": (
        "outside",
        {version: node_address(1, version) for version in (4, 6)},
        NODE_PORT,
    ),
}
ALL_WAYS = pytest.mark.parametrize(("source", "at", "port"), WAYS.values(), ids=WAYS)
BOTH = pytest.mark.parametrize("protocol", ["TCP", "UDP"])


@pytest.fixture
def full(site):
    site.use(web(NODE_PORT), *slices(WEB_PODS))
    return site


def others(*names):
    return tuple(pod for pod in WEB_PODS if pod.name not in names)


def named(name):
    return tuple(pod for pod in WEB_PODS if pod.name == name)


@ALL_FAMILIES
@ALL_WAYS
@BOTH
def test_a_flow_stays_with_its_endpoint(full, source, at, port, protocol, version):
    with full.connect(protocol, source, at[version], port) as connected:
        first = who(connected)
        full.use(*slices(named(first.name)))
        full.use(*slices(WEB_PODS))
        assert [who(connected) for _ in range(5)] == [first] * 5


@ALL_FAMILIES
@ALL_WAYS
def test_the_next_datagram_goes_to_another_endpoint(full, source, at, port, version):
    with full.connect("UDP", source, at[version], port) as connected:
        seen = [who(connected).name]
        for _ in range(2):
            full.use(*slices(others(*seen)))
            seen.append(who(connected).name)
        assert set(seen) == WEB
        full.use(*slices(()))
        with pytest.raises(ConnectionRefusedError):
            who(connected)
        full.use(*slices(WEB_PODS[:1]))
        assert who(connected).name == "web-1"


@ALL_FAMILIES
@ALL_WAYS
@BOTH
def test_who_drains_keeps_what_it_has_and_gets_nothing_new(
    full, source, at, port, protocol, version
):
    with full.connect(protocol, source, at[version], port) as connected:
        first = who(connected)
        draining = slices(named(first.name), suffix="b", ready=False, terminating=True)
        full.use(*slices(others(first.name)), *draining)
        assert who(connected) == first
        assert full.answers(protocol, source, at[version], port) == WEB - {first.name}
        assert who(connected) == first


@ALL_FAMILIES
@ALL_WAYS
def test_a_connection_outlives_its_service_as_long_as_the_pod_is_there(
    full, source, at, port, version
):
    """kube-proxy leaves TCP alone; what is at its end decides."""
    with full.connect("TCP", source, at[version], port) as connected:
        first = who(connected)
        full.use(*slices(others(first.name)))
        assert who(connected) == first
        full.use(gone=(web(NODE_PORT), *slices(())))
        assert who(connected) == first


@ALL_FAMILIES
@ALL_WAYS
@pytest.mark.parametrize("are_others", [True, False], ids=["others", "nobody"])
def test_a_connection_to_a_pod_that_is_gone_is_reset(full, source, at, port, are_others, version):
    with full.connect("TCP", source, at[version], port) as connected:
        gone = named(who(connected).name)
        full.use(*slices(others(gone[0].name) if are_others else ()), gone=gone)
        with pytest.raises(ConnectionResetError):
            who(connected)
