"""Every pair of pods, every port: real packets against the specification's words."""

import pytest

from tests.netns.policies.services import services_of
from tests.netns.policies.world import NAMES, PROBES, Probe, World
from tests.netns.policies.written import CASES

pytestmark = pytest.mark.netns


@pytest.fixture(
    scope="module", params=[(1, 4), (2, 4), (2, 6)], ids=["one-node", "two-nodes", "ipv6"]
)
def world(request):
    with World(*request.param) as made:
        yield made


def table(found, probes):
    """What differs, short enough to be read."""
    return {probe: verdict for probe, verdict in found.items() if probes[probe] != verdict}


@pytest.mark.parametrize("name", CASES)
def test_who_reaches_whom(world, name):
    policies = CASES[name]
    world.apply(policies)
    expected = {probe: world.expected(policies, probe) for probe in PROBES}
    assert table(world.observe(PROBES), expected) == {}


RAW_CASES = [name for name in CASES if name.endswith(("sctp-80", "every-port", "-a-in-y-tcp-80"))]
RAW_CASES += ["none", "deny-both", "deny-egress", "deny-everywhere", "union", "one-pod"]


@pytest.mark.parametrize("name", RAW_CASES)
def test_sctp_and_ping(world, name):
    """ICMP has no ports: only rules without any let it through."""
    policies = CASES[name]
    world.apply(policies)
    for protocol, port in (("SCTP", 80), ("SCTP", 81), ("ICMP", None)):
        probes = [Probe(a, b, protocol, port) for a in NAMES for b in NAMES if a != b]
        expected = {probe: world.expected(policies, probe) for probe in probes}
        assert table(world.observe(probes), expected) == {}


@pytest.fixture(scope="module", params=["iptables", "ipvs", "nftables", "ebpf"])
def behind(request):
    """Two nodes with a proxy mode, where every pod is asked through its Service."""
    with World(2, proxy_mode=request.param) as made:
        yield made, services_of(made)


@pytest.mark.parametrize("name", list(CASES)[::2])
def test_behind_services_policies_see_the_endpoint(behind, name):
    """Every pod has a Service at port 1080 and 1081: the verdict is that of its own ports. Each
    case is a change of the one before it.
    """
    world, place = behind
    policies = CASES[name]
    world.apply(policies)
    expected = {probe: world.expected(policies, probe) for probe in PROBES}
    assert table(world.observe(PROBES, to=place), expected) == {}


def test_the_tables_differ():
    """Cases that nobody could tell apart would show nothing."""
    assert len(list(CASES)[::2]) >= 60
    assert len(NAMES) == 9
