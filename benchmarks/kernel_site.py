"""The kernel's way: two flannel nodes in namespaces of their own, on an underlay like kubehop's."""

import contextlib
import os
from collections.abc import Iterator
from ipaddress import IPv4Address

from benchmarks import kernel_rules
from benchmarks.place import Place
from benchmarks.site import Plan, Site
from kubehop.local.netns import new_netns
from kubehop.local.underlay import Underlay


@contextlib.contextmanager
def kernel_site(plan: Plan) -> Iterator[Site]:
    """The namespaces have no names: they are gone when this ends, or this process does.

    Raises OSError, and ProbeFailed with the words of the command that failed.
    """
    with contextlib.ExitStack() as stack:
        underlay = Underlay()
        stack.callback(os.close, underlay.netns)
        nodes = []
        for number, node in enumerate(plan.nodes):
            netns = underlay.connect_node(number + 1, IPv4Address(node.underlay))
            stack.callback(os.close, netns)
            nodes.append(Place(f"kernel node {number + 1}", netns))
            _furnish_node(nodes[-1], plan, number)
        homes = (("client", 0), ("neighbour", 0), ("server", 1))
        pods = {}
        for name, home in homes:
            netns = new_netns()
            stack.callback(os.close, netns)
            pods[name] = Place(f"kernel {name}", netns)
            _plug_pod(nodes[home], pods[name], f"veth-{name}")
            _batch(pods[name], kernel_rules.pod_links(plan.nodes[home], getattr(plan, name)))
        yield Site("kernel", plan, pods["client"], pods["neighbour"], pods["server"])


def _furnish_node(place: Place, plan: Plan, number: int) -> None:
    _batch(place, kernel_rules.node_links(plan, number))
    place.run("bridge", "-batch", "-", stdin=kernel_rules.node_fdb(plan, number))
    place.run("nft", "-f", "-", stdin=kernel_rules.service_rules(plan))


def _plug_pod(node: Place, pod: Place, device: str) -> None:
    _batch(node, kernel_rules.pod_plug(device, pod.path))


def _batch(place: Place, lines: str) -> None:
    place.run("ip", "-batch", "-", stdin=lines)
