"""Session affinity, which is the same in every mode but for what it spans."""

from dataclasses import replace
from random import Random

import pytest

from netcore.model.address import packed
from netcore.service.balancing import BalancingTable
from netcore.service.modes.base import HashedRules, choose_backend, service_port_scope
from netcore.service.modes.registry import proxy_mode
from tests.support.cluster import WEB
from tests.support.offers import CHI_SQUARE_999, backends, chi_square, frontend, node_port, shares
from tests.support.offers import offer as offer_to

MODES = ["iptables", "ipvs", "nftables", "ebpf"]
SEVEN = backends(7)
STICKY = frontend(*SEVEN, session_affinity="ClientIP", session_affinity_timeout_s=100)


class Node:
    """Connections one after another, each of which may change where the next one goes."""

    def __init__(self, mode, **fields):
        self.mode, self.balancing = mode, BalancingTable()
        self.fields = {"random_below": Random(2).randrange} | fields

    def connect(self, to=STICKY, now_s=1000.0, **fields):
        offer = offer_to(to, now_s=now_s, balancing=self.balancing, **self.fields | fields)
        choice = choose_backend(self.mode, offer)
        self.balancing.commit(choice.updates, now_s)
        return choice.backend


@pytest.fixture(params=MODES)
def mode(request):
    return proxy_mode(request.param)


def ports(count):
    return range(2000, 2000 + count)


def test_a_client_stays_and_others_are_spread(mode):
    node = Node(mode)
    first = node.connect(client_port=1)
    assert {node.connect(client_port=port) for port in ports(30)} == {first}
    others = {node.connect(client=packed(f"10.244.1.{host}")) for host in range(10, 60)}
    assert len(others) > 4


def test_without_affinity_a_client_is_spread(mode):
    node = Node(mode)
    to = frontend(*SEVEN)
    assert len({node.connect(to, client_port=port) for port in ports(60)}) > 4


def test_the_time_counts_from_the_last_connection(mode):
    node = Node(mode, random_below=lambda n: 0)
    first = node.connect(now_s=1000.0)
    for now_s in (1090.0, 1180.0, 1270.0):
        assert node.connect(now_s=now_s, random_below=lambda n: n - 1) == first
    assert node.connect(now_s=1370.0, random_below=lambda n: n - 1) != first


def test_who_is_gone_is_not_waited_for(mode):
    node = Node(mode, random_below=lambda n: 0)
    first = node.connect()
    left = tuple(backend for backend in SEVEN if backend != first)
    second = node.connect(replace(STICKY, backends=left))
    assert second in left
    assert node.connect() == second, "the client has moved, and stays there"


def test_the_reason_names_the_timeout(mode):
    balancing = BalancingTable()
    offer = offer_to(STICKY, balancing=balancing)
    balancing.commit(choose_backend(mode, offer).updates, 1000.0)
    why = choose_backend(mode, offer).why
    assert why == "the client stays with its endpoint for 100 s (session affinity)"


@pytest.mark.parametrize(
    ("name", "spans"), [("iptables", True), ("nftables", True), ("ipvs", False), ("ebpf", False)]
)
def test_what_affinity_spans(name, spans):
    """Rules keep it with the endpoint of a Service port, tables with each address of its own."""
    node = Node(proxy_mode(name), random_below=lambda n: 0)
    first = node.connect()
    node.connect(frontend(*SEVEN), client_port=9)  # moves on the turn of round robin
    other = node.connect(node_port(STICKY), random_below=lambda n: n - 1)
    if name == "ipvs":
        assert node.balancing.sticks_to(node_port(STICKY).key, packed("10.244.1.3"), 1000.0)
    assert (node.mode.affinity_scope(STICKY) == node.mode.affinity_scope(node_port(STICKY))) is (
        spans
    )
    assert (other == first) is (spans or name == "ipvs")  # ipvs: the turn of an own virtual server


def test_the_scope_of_a_service_port_names_service_port_and_protocol():
    assert service_port_scope(STICKY) == (("default", "web"), "http", "TCP")


def test_equal_shares_in_every_mode(mode):
    got = shares(mode, frontend(*SEVEN), 7000)
    assert chi_square(got.values()) < CHI_SQUARE_999[6], got


def test_equal_shares_with_affinity_in_every_mode(mode):
    got = shares(mode, STICKY, 3500)
    assert chi_square(got.values()) < CHI_SQUARE_999[6], got


def test_hashed_rules_find_in_one_look():
    rules = HashedRules({STICKY.key: STICKY})
    assert rules.find((WEB, 6, 80)) == (STICKY, 1)
    assert rules.find((WEB, 17, 80)) == (None, 1)
