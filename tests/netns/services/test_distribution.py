"""How many connections each endpoint gets, with fixed chance: real flows, seen where they end."""

from collections import Counter
from dataclasses import replace

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
from tests.support.cluster import CONFIG, WEB_PODS
from tests.support.offers import CHI_SQUARE_999, chi_square
from tests.support.responders import who

pytestmark = pytest.mark.netns

FLOWS = 300
PORTS = range(40_000, 40_000 + FLOWS)
SCHEDULERS = ("rr", "wrr", "lc", "wlc", "sed", "nq", "sh", "dh")
ONLY_IPVS, ONLY_EBPF = (
    pytest.mark.parametrize("mode", [mode], indirect=True) for mode in ("ipvs", "ebpf")
)
EVEN = {"web-1": 100, "web-2": 100, "web-3": 100}


def by_port(site, *to):
    """Who answers to a client at each of the ports, one after the other, over UDP."""
    found = {}
    for client_port in PORTS:
        with site.connect("UDP", *to, client_port) as connected:
            found[client_port] = who(connected).name
    return found


@ALL_FAMILIES
@pytest.mark.parametrize("protocol", ["TCP", "UDP"])
@pytest.mark.parametrize("is_node_port", [False, True], ids=["cluster-ip", "node-port"])
def test_shares_are_as_the_mode_has_them(site, mode, is_node_port, protocol, version):
    """ipvs: exactly even, in turn. The others: by chance, as 999 times in a thousand."""
    site.use(web(NODE_PORT), *slices(WEB_PODS))
    to = "client", SERVICE[version], 80
    if is_node_port:
        to = "outside", node_address(1, version), NODE_PORT
    got = Counter(site.ask(protocol, *to).name for _ in range(FLOWS))
    if mode == "ipvs":
        assert got == EVEN
    else:
        assert chi_square(got[name] for name in WEB) < CHI_SQUARE_999[2], got
        assert got != EVEN


@ALL_FAMILIES
def test_the_same_chance_gives_the_same_shares(site, mode, version):
    site.use(web(), *slices(WEB_PODS))
    seen = []
    for seed in (7, 7, 8):
        site.forget()
        site.chance.seed(seed)
        seen.append(by_port(site, "client", SERVICE[version], 80))
    assert seen[0] == seen[1]
    assert (seen[0] == seen[2]) == (mode == "ipvs")  # which knows no chance, and 300 are 100 rounds


@pytest.fixture
def maglev(site):
    site.use(replace(CONFIG, lb_algorithm="maglev"), web(NODE_PORT), *slices(WEB_PODS))
    return site


@ONLY_EBPF
@ALL_FAMILIES
def test_maglev_sends_a_flow_to_the_same_endpoint(maglev, version):
    """Also after all was forgotten, with other chance: the 5-tuple alone says where."""
    to = "client", SERVICE[version], 80
    first = by_port(maglev, *to)
    maglev.forget()
    maglev.chance.seed(99)
    assert by_port(maglev, *to) == first
    shares = Counter(first.values())
    assert chi_square(shares[name] for name in WEB) < CHI_SQUARE_999[2], shares


@ONLY_EBPF
@ALL_FAMILIES
def test_maglev_moves_few_flows_when_an_endpoint_goes(maglev, version):
    to = "client", SERVICE[version], 80
    before = by_port(maglev, *to)
    maglev.forget()
    maglev.use(*slices(WEB_PODS[:2]))
    after = by_port(maglev, *to)
    assert set(after.values()) == {"web-1", "web-2"}
    stayed = [port for port in PORTS if before[port] != "web-3"]
    moved = [port for port in stayed if after[port] != before[port]]
    assert len(moved) <= 0.02 * len(stayed)


@pytest.fixture
def scheduled(site):
    """A function that sets the scheduler, for Service `web` with all three endpoints."""

    def schedule(name):
        site.use(replace(CONFIG, ipvs_scheduler=name), web(), *slices(WEB_PODS))
        return site

    return schedule


@ONLY_IPVS
@pytest.mark.parametrize("scheduler", SCHEDULERS)
@ALL_FAMILIES
def test_schedulers_under_load(scheduled, scheduler, version):
    """Connections that stay open go to those with the fewest, in turn, or by a hash."""
    site = scheduled(scheduler)
    to = ("TCP", "client", SERVICE[version], 80)
    held = [site.connect(*to) for _ in range(3)]
    try:
        names = [who(each).name for each in held]
        if scheduler in ("sh", "dh"):
            assert len(set(names)) == 1
            return
        assert set(names) == WEB
        ended, *_ = held
        close(ended)
        idle = [site.ask(*to).name for _ in range(3)]
        if scheduler in ("rr", "wrr"):
            assert set(idle) == WEB
        else:
            assert idle == [names[0]] * 3
    finally:
        for each in held:
            each.close()


def close(connected):
    """End a connection and see the other side end it, too."""
    connected.shutdown(1)
    assert connected.recv(1) == b""


@ONLY_IPVS
@ALL_FAMILIES
def test_source_hash_tells_clients_apart_and_destination_hash_does_not(scheduled, version):
    sources = ("client", "web-1", "web-2", "web-3", "lone", "outside")
    found = {}
    for scheduler in ("sh", "dh"):
        site = scheduled(scheduler)
        found[scheduler] = [
            site.ask("TCP", source, SERVICE[version], 80).name for source in sources
        ]
    assert len(set(found["sh"])) > 1
    assert len(set(found["dh"])) == 1
