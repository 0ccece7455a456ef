"""A pod cannot make itself another one by wrapping packets as nodes do."""

import socket
import struct

import pytest

from nodeagent.edges.netns import run_in_netns
from tests.netns.policies.world import World
from tests.support import frames
from tests.support.kubectl import wait_until

pytestmark = pytest.mark.netns

_VXLAN = struct.pack("!II", 0x08000000, 1 << 8)


def test_what_a_pod_wraps_never_comes_out():
    with World(2) as world:
        attacker, victim, asked = "x/a", "x/c", "x/b"  # the first two are on one node
        nodes = {name: world.net.nodes[world.pods[name].node_name] for name in (attacker, asked)}
        inner = frames.udp(
            world.pods[victim].ips[0].packed, world.pods[asked].ips[0].packed, dport=80
        )
        underlay = nodes[asked].snapshot.node.underlay_addresses[0]

        def send() -> None:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as raw:
                raw.sendto(_VXLAN + bytes(inner), (str(underlay), 4789))

        run_in_netns(world.path(attacker), send)
        wait_until(
            lambda: nodes[attacker].stat("drop_encap_prohibited") == 1, "the drop is counted"
        )
        assert nodes[asked].stat("deliver_packets") == 0
