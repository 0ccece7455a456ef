"""Host ports with real packets: node1 runs web-1 with three of them, node2 runs the client."""

import sys
from dataclasses import replace

import pytest

from netcore.model.address import parse_address
from netcore.model.change import Batch, Change
from netcore.model.host_port import HostPort
from tests.netns.test_userspace_datapath import ask, server
from tests.support.cluster import CONFIG, node, pod, snapshot
from tests.support.topology import Topology

pytestmark = pytest.mark.netns

NODE, OUTSIDE = "172.18.0.11", "172.18.0.100"
WEB = replace(
    pod("web-1", 1, 2),
    host_ports=(
        HostPort("TCP", 80, 8080),
        HostPort("TCP", 81, 8080, parse_address("127.0.0.1")),
        HostPort("TCP", 82, 8080, parse_address(NODE)),
    ),
)
CLIENT = pod("client", 2, 3)


def picture(number: int):
    return snapshot(CONFIG, node(1), node(2), WEB, CLIENT, on=f"node{number}")


@pytest.fixture(scope="module")
def net():
    with Topology() as topology:
        for number in (1, 2):
            started = topology.start_node(picture(number))
            started.datapath.apply(started.snapshot)
        topology.pods["outside"] = topology.plug("outside", f"{OUTSIDE}/16")
        topology.pods["node"] = topology.nodes["node1"].namespace
        for each in (WEB, CLIENT):
            topology.start_pod(each)
        topology._stack.enter_context(server(topology.pods["web-1"], "web-1"))
        yield topology


def planned(net):
    rules = net.nodes["node1"].namespace.run("ip", "rule", "show").splitlines()
    return sorted(rule for rule in rules if rule.startswith("9:"))


@pytest.mark.parametrize(
    ("source", "address", "port"),
    [
        ("client", NODE, 80),
        ("client", NODE, 82),
        ("outside", NODE, 80),
        ("outside", NODE, 82),
        ("node", NODE, 80),
        ("node", NODE, 82),
        ("node", "127.0.0.1", 80),
        ("node", "127.0.0.1", 81),
        ("web-1", NODE, 80),
    ],
)
def test_a_host_port_leads_to_its_pod(net, source, address, port):
    assert ask(net.pods[source], address, port).startswith("web-1 ")


@pytest.mark.parametrize(
    ("source", "address", "port"),
    [
        ("client", NODE, 81),
        ("outside", NODE, 81),
        ("node", NODE, 81),
        ("node", "127.0.0.1", 82),
        ("client", "172.18.0.12", 80),
        ("outside", NODE, 8080),
    ],
)
def test_other_addresses_and_ports_refuse(net, source, address, port):
    with pytest.raises(ConnectionRefusedError):
        ask(net.pods[source], address, port)


def test_a_program_of_the_node_in_the_range_of_node_ports_is_reached(net):
    """As a health page is, at the healthCheckNodePort of a Service."""
    program = (sys.executable, "-m", "tests.support.netns_server", "node1", "32000", "5353")
    with net.pods["node"].running(*program, ready="serving"):
        assert ask(net.pods["outside"], NODE, 32000).startswith("node1 ")
        assert ask(net.pods["client"], NODE, 32000).startswith("node1 ")
        assert ask(net.pods["node"], NODE, 32000).startswith("node1 ")


def test_a_client_outside_is_seen_as_itself(net):
    assert ask(net.pods["outside"], NODE, 80) == f"web-1 {OUTSIDE}"


def test_a_full_apply_changes_nothing_that_is_right(net):
    """The agent applies the same snapshot once a minute to make good what was lost."""
    node1 = net.nodes["node1"]
    before = planned(net)
    assert before
    node1.datapath.apply(node1.snapshot)
    assert planned(net) == before


def test_a_full_apply_makes_good_what_was_lost_and_removes_what_was_left(net):
    node1 = net.nodes["node1"]
    before = planned(net)
    node1.namespace.run("ip", "rule", "del", "priority", "9")
    stale = ("to", NODE, "iif", "eth0", "ipproto", "tcp", "dport", "99", "table", "4789")
    node1.namespace.run("ip", "rule", "add", "priority", "9", *stale)
    node1.datapath.apply(node1.snapshot)
    assert planned(net) == before


def test_the_rules_go_with_the_pod_and_come_with_it(net):
    node1 = net.nodes["node1"]
    before = planned(net)
    try:
        gone = node1.snapshot.advance(Batch("epoch", 2, (Change(WEB, deleted=True),)))
        node1.datapath.apply(gone)
        assert planned(net) == []
    finally:
        node1.datapath.apply(node1.snapshot)
    assert planned(net) == before
