"""A small dual-stack cluster for tests, and its parts to build others from.

node1 runs web-1 (frames.POD) and client, node2 runs web-2 (frames.PEER), node3 runs web-3.
Service `web` has the three web pods behind TCP 80 -> 8080 and UDP 53 -> 5353; `empty` has the
same ports and nobody behind them.
"""

from dataclasses import replace
from typing import Any

from netcore.model.address import packed, parse_address, parse_network
from netcore.model.change import Batch, Change, NetworkObject
from netcore.model.config import ClusterConfig
from netcore.model.endpoint import Endpoint, EndpointPort, EndpointSlice
from netcore.model.node import Node
from netcore.model.pod import Pod
from netcore.model.service import Service, ServicePort
from netcore.pipeline.context import FromPod, FromTunnel
from netcore.pipeline.snapshot import Snapshot

CONFIG = ClusterConfig(
    "test",
    (parse_network("10.244.0.0/16"), parse_network("fd00:10:244::/48")),
    (parse_network("10.96.0.0/16"), parse_network("fd00:10:96::/112")),
    (parse_address("10.96.0.10"),),
)

WEB = packed("10.96.0.50")
WEB6 = packed("fd00:10:96::50")
EMPTY = packed("10.96.0.51")
EMPTY6 = packed("fd00:10:96::51")
GATEWAY = packed("10.244.1.1")
GATEWAY6 = packed("fd00:10:244:1::1")
NODE1 = packed("172.18.0.11")
NODE1_6 = packed("fd00:172:18::11")
NODE2 = packed("172.18.0.12")
CLIENT = packed("10.244.1.3")
CLIENT6 = packed("fd00:10:244:1::3")
WEB3 = packed("10.244.3.2")
OUTSIDE = packed("192.0.2.80")
OUTSIDE6 = packed("2001:db8::80")


def node(number: int, **fields: Any) -> Node:
    """node<number> at 172.18.0.1<number>, with a pod CIDR of each family."""
    own: dict[str, Any] = {
        "underlay_addresses": (
            parse_address(f"172.18.0.{10 + number}"),
            parse_address(f"fd00:172:18::{10 + number}"),
        ),
        "pod_cidrs": (
            parse_network(f"10.244.{number}.0/24"),
            parse_network(f"fd00:10:244:{number}::/64"),
        ),
        "vtep_mac": vtep_mac(number),
        "ready": True,
    }
    return Node(f"node{number}", **(own | fields))


def vtep_mac(number: int) -> bytes:
    return b"\x0a\x58" + packed(f"172.18.0.{10 + number}")


def pod(name: str, number: int, host: int, **fields: Any) -> Pod:
    """A pod of node<number> with the host number `host` in both of the node's pod CIDRs."""
    ips = tuple(map(parse_address, (f"10.244.{number}.{host}", f"fd00:10:244:{number}::{host}")))
    own: dict[str, Any] = {"uid": f"uid-{name}", "node_name": f"node{number}", "ips": ips}
    return Pod("default", name, **(own | fields))


def service(name: str, host: int, **fields: Any) -> Service:
    """A dual-stack Service with the host number `host` in both service CIDRs."""
    own: dict[str, Any] = {
        "uid": f"uid-{name}",
        "cluster_ips": (parse_address(f"10.96.0.{host}"), parse_address(f"fd00:10:96::{host}")),
        "ports": (ServicePort("http", "TCP", 80), ServicePort("dns", "UDP", 53)),
    }
    return Service("default", name, **(own | fields))


def slice_of(name: str, version: int, pods: tuple[Pod, ...], **fields: Any) -> EndpointSlice:
    """The slice `<name>-v<version>` of Service `name`: those pods' addresses of one family."""
    endpoints = tuple(
        Endpoint(
            tuple(ip for ip in each.ips if ip.version == version),
            node_name=each.node_name,
            target=each.key,
        )
        for each in pods
    )
    ports = (EndpointPort("http", "TCP", 8080), EndpointPort("dns", "UDP", 5353))
    made = EndpointSlice(
        "default", f"{name}-v{version}", name, f"IPv{version}", ports, endpoints=endpoints
    )
    return replace(made, **fields)


WEB_PODS = (pod("web-1", 1, 2), pod("web-2", 2, 3), pod("web-3", 3, 2))
CLIENT_POD = pod("client", 1, 3)

OBJECTS: tuple[NetworkObject, ...] = (
    CONFIG,
    *(node(number) for number in (1, 2, 3)),
    *WEB_PODS,
    CLIENT_POD,
    service("web", 50),
    slice_of("web", 4, WEB_PODS),
    slice_of("web", 6, WEB_PODS),
    service("empty", 51),
)


def cluster(*more: NetworkObject, on: str = "node1") -> Snapshot:
    """The cluster of this module, with `more` on top, as the node `on` sees it."""
    return snapshot(*OBJECTS, *more, on=on)


def snapshot(*objects: NetworkObject, on: str = "node1") -> Snapshot:
    """Nothing but `objects`, as the node `on` sees them."""
    return Snapshot(CONFIG, on).advance(batch(*objects))


def batch(*objects: NetworkObject, revision: int = 1, **fields: Any) -> Batch:
    """`objects` as they now are, in one batch."""
    return Batch("epoch", revision, tuple(map(Change, objects)), **fields)


def from_pod(owner: Pod) -> FromPod:
    ips = tuple(ip.packed for ip in owner.ips)
    return FromPod(ips, b"\x0a\x58" + ips[0])


def from_node(number: int) -> FromTunnel:
    return FromTunnel(packed(f"172.18.0.{10 + number}"))
