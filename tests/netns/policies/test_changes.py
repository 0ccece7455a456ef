"""Policies that change under open connections, and what else reaches pods in spite of them."""

import pytest

from netcore.model.policy_settings import Deny, Established, PolicySettings
from tests.netns.policies.services import services_of
from tests.netns.policies.world import NAMES, PROBES, Probe, World
from tests.netns.policies.written import CASES

pytestmark = pytest.mark.netns

STEPS = ("none", "deny-everywhere", "union", "to-namespace-y-tcp-80", "deny-both", "none")
MODES = ("iptables", "ipvs", "nftables", "ebpf")
OPENED = tuple(probe for probe in PROBES if probe.protocol == "TCP")


@pytest.fixture(scope="module", params=["one-node", "two-nodes", *MODES])
def site(request):
    """A world, and where its pods are asked: of a proxy mode, through their Services."""
    if request.param in MODES:
        with World(2, proxy_mode=request.param) as made:
            yield made, services_of(made)
        return
    with World(1 if request.param == "one-node" else 2) as made:
        yield made, None


def test_open_connections_are_cut_by_a_change_and_new_ones_follow_it(site):
    """Reset or refused, a connection that was cut stays so; whatever is open then is asked."""
    world, place = site
    world.apply([])
    sockets = world.open(OPENED, to=place)
    assert all(world.ask(sockets, keep=True).values())
    try:
        for step in STEPS:
            policies = CASES[step]
            world.apply(policies)
            expected = {probe: world.expected(policies, probe) for probe in sockets}
            found = world.ask(sockets, keep=True)
            assert {p: v for p, v in found.items() if expected[p] != v} == {}
            for probe in [probe for probe, alive in found.items() if not alive]:
                sockets.pop(probe).close()
            fresh = world.observe(OPENED, to=place)
            assert fresh == {probe: world.expected(policies, probe) for probe in OPENED}
    finally:
        for each in sockets.values():
            each.close()


def test_open_connections_are_kept_where_the_settings_say_so():
    settings = PolicySettings(deny=Deny.REJECT, established=Established.KEEP)
    probes = [Probe("x/a", "x/b", "TCP", 80), Probe("x/a", "y/b", "TCP", 81)]
    with World(2, policy=settings) as world:
        sockets = world.open(probes)
        assert all(world.ask(sockets, keep=True).values())
        world.apply(CASES["deny-everywhere"])
        assert all(world.ask(sockets).values())
        assert not any(world.observe(probes).values())


def test_denials_that_are_not_told_are_silent():
    with World(2, policy=PolicySettings()) as world:
        world.apply(CASES["deny-ingress"])
        denied = Probe("y/a", "x/a", "UDP", 80)
        sockets = world.open([denied])
        allowed = [
            Probe("y/a", name, "UDP", 80) for name in NAMES if name[0] != "x" and name != "y/a"
        ]
        sockets[denied].send(b"?")
        assert all(world.observe(allowed).values())
        node = world.net.nodes[world.pods["x/a"].node_name]
        assert node.stat("drop_policy_denied") >= 1
        sockets[denied].setblocking(False)
        with pytest.raises(BlockingIOError):  # an ICMP error would be raised here, too
            sockets[denied].recv(1)
        sockets[denied].close()


@pytest.fixture(scope="module", params=[4, 6])
def apart(request):
    with World(2, request.param) as made:
        yield made


def test_fragments_fare_as_their_first_one(apart):
    policies = CASES["from-namespace-y-udp"]
    apart.apply(policies)
    probes = [probe for probe in PROBES if probe.protocol == "UDP"]
    apart.question = b"?" * 4000
    try:
        found = apart.observe(probes)
    finally:
        apart.question = b"?"
    assert found == {probe: apart.expected(policies, probe) for probe in probes}


def test_errors_about_an_allowed_connection_come_back(apart):
    """The sender is isolated; what it may ask may also refuse."""
    apart.apply(CASES["deny-ingress"])
    for asking in apart.open([Probe("x/a", "y/b", "UDP", 99)]).values():
        asking.settimeout(5)
        asking.send(b"?")
        with pytest.raises(ConnectionRefusedError):
            asking.recv(16)
        asking.close()
