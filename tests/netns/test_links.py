"""What rtnetlink says of a node's addresses."""

import pytest

from netcore.model.address import parse_address
from nodeagent.edges.links import with_other_family
from nodeagent.edges.netns import run_in_netns
from tests.support.topology import Topology

pytestmark = pytest.mark.netns

V4, V6 = parse_address("172.18.0.50"), parse_address("fc00:172:18::50")


def test_the_address_of_the_other_family_on_the_same_device():
    with Topology() as topology:
        machine = topology.plug("machine", f"{V4}/16")

        def ask(address):
            return run_in_netns(machine.path, lambda: with_other_family(address))

        assert ask(V4) == (V4,), "a link-local address is none for other machines"
        machine.run("ip", "addr", "add", f"{V6}/64", "dev", "eth0", "nodad")
        assert ask(V4) == (V4, V6)
        assert ask(V6) == (V6, V4)
