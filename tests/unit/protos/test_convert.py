"""Between pb2 and the model nothing is lost."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import pytest

from netcore.model.change import Batch, Change, Manifest
from netcore.model.config import ClusterConfig
from netcore.model.endpoint import Endpoint, EndpointPort, EndpointSlice
from netcore.model.errors import ConfigError
from netcore.model.host_port import HostPort
from netcore.model.load_balancer import Ingress, IngressBackend, IngressPath, LoadBalancer
from netcore.model.namespace import Namespace
from netcore.model.node import Node
from netcore.model.pod import NamedPort, Pod
from netcore.model.policy import (
    Action,
    Direction,
    IpBlock,
    Peer,
    Policy,
    PolicyKind,
    PortMatch,
    Rule,
)
from netcore.model.policy_settings import (
    BlockScope,
    Deny,
    Established,
    Hairpin,
    HostNetwork,
    Icmp,
    IpBlocks,
    PolicySettings,
)
from netcore.model.selector import EVERYTHING, LabelSelector, Operator, Requirement, labelled
from netcore.model.service import Service, ServicePort
from protos.convert import batch_from_pb, batch_to_pb, change_from_pb
from protos.gen.v1 import controlplane_pb2, network_pb2

BLOCK = IpBlock(IPv4Network("10.0.0.0/8"), (IPv4Network("10.1.0.0/16"),))
OBJECTS = [
    ClusterConfig(
        "c",
        (IPv4Network("10.244.0.0/16"), IPv6Network("fd00:10:244::/56")),
        (IPv4Network("10.96.0.0/16"),),
        (IPv4Address("10.96.0.10"),),
        cluster_domain="example.local",
        underlay_mtu_bytes=9000,
        vni=7,
        vxlan_port=8472,
        proxy_mode="ipvs",
        has_ipv6_underlay=True,
        ipvs_scheduler="wlc",
        lb_algorithm="maglev",
        policy=PolicySettings(
            enforced=False,
            established=Established.KEEP,
            deny=Deny.REJECT,
            hairpin=Hairpin.ALWAYS,
            host_network=HostNetwork.PODS,
            icmp=Icmp.ALWAYS,
            ip_blocks=IpBlocks.BEFORE_DNAT,
            block_scope=BlockScope.OUTSIDE,
        ),
    ),
    Node(
        "n",
        (IPv4Address("172.18.0.2"), IPv6Address("fc00::2")),
        (IPv4Network("10.244.1.0/24"),),
        b"\x0a\x58\x00\x00\x00\x01",
        ready=True,
        labels={"a": "b"},
    ),
    Node("without-vtep"),
    Pod("ns", "p", "u", "n", (IPv4Address("10.244.1.2"),), {"l": "v"}, True, "host", "sub"),
    Pod(
        "ns",
        "ports",
        host_ports=(HostPort("UDP", 53, 5353, IPv4Address("127.0.0.1")), HostPort("TCP", 80, 8080)),
        named_ports=(NamedPort("http", "TCP", 8080),),
        uid="u",
        node_name="n",
    ),
    Service(
        "ns",
        "s",
        "u",
        "NodePort",
        (IPv4Address("10.96.0.9"),),
        ports=(ServicePort("http", "TCP", 80, 30080), ServicePort("dns", "UDP", 53)),
        session_affinity="ClientIP",
        session_affinity_timeout_s=60,
        internal_traffic_policy="Local",
        external_traffic_policy="Local",
        publish_not_ready_addresses=True,
        external_ips=(IPv4Address("192.0.2.1"), IPv6Address("2001:db8::1")),
        load_balancer_ips=(IPv4Address("192.0.2.2"),),
        load_balancer_source_ranges=(IPv4Network("192.0.2.0/24"),),
        health_check_node_port=30100,
        traffic_distribution="PreferClose",
        load_balancer=LoadBalancer(
            "application",
            "kubehop.dev/cloudlb",
            IPv4Address("172.18.255.201"),
            (IPv4Address("172.18.255.201"), IPv6Address("fc00::201")),
        ),
    ),
    Service("ns", "l", type="LoadBalancer", load_balancer=LoadBalancer()),
    Ingress(
        "ns",
        "i",
        "u",
        "kubehop",
        (
            IngressPath("shop.test", "/", "Prefix", IngressBackend("web", "http")),
            IngressPath("", "/api", "Exact", IngressBackend("api", port_number=8080)),
        ),
        IngressBackend("fallback", port_number=80),
        (IPv4Address("172.18.255.200"),),
    ),
    Ingress("ns", "empty"),
    Service("ns", "e", type="ExternalName", external_name="example.com"),
    Service("ns", "h", headless=True),
    EndpointSlice(
        "ns",
        "s-1",
        "s",
        "IPv4",
        (EndpointPort("http", "TCP", 8080),),
        (
            Endpoint((IPv4Address("10.244.1.2"),), True, True, False, "h", "n", "z", ("ns", "p")),
            Endpoint((IPv4Address("10.244.1.3"),), ready=False, serving=True, terminating=True),
            Endpoint((IPv4Address("10.244.1.4"),), for_zones=("z", "y"), for_nodes=("n",)),
        ),
    ),
    Namespace("ns", {"kubernetes.io/metadata.name": "ns"}),
    Manifest("Pod", "ns", "p", b'{"kind":"Pod"}'),
    Policy(
        PolicyKind.ADMIN,
        "",
        "a",
        "u",
        labelled(app="web"),
        EVERYTHING,
        priority=7,
        ingress=(
            Rule(
                (
                    Peer(pods=EVERYTHING, namespaces=labelled(team="a")),
                    Peer(nodes=LabelSelector((Requirement("role", Operator.EXISTS),))),
                    Peer(
                        blocks=(IpBlock(IPv4Network("10.0.0.0/8"), (IPv4Network("10.1.0.0/16"),)),)
                    ),
                ),
                (PortMatch("UDP", 53, 53), PortMatch("TCP", name="http"), PortMatch("SCTP")),
                Action.PASS,
                "handed-on",
            ),
        ),
        enforced=False,
    ),
    Policy(
        PolicyKind.NETWORK,
        "ns",
        "n",
        isolates=frozenset(Direction),
        egress=(Rule(), Rule((Peer(pods=EVERYTHING),))),
    ),
]


@pytest.mark.parametrize("item", OBJECTS, ids=lambda item: type(item).__name__)
@pytest.mark.parametrize("deleted", [False, True])
def test_round_trip(item, deleted):
    batch = Batch("epoch", 42, (Change(item, deleted),), reset=deleted, synced=not deleted)
    wire = batch_to_pb(batch).SerializeToString()
    assert batch_from_pb(controlplane_pb2.WatchBatch.FromString(wire)) == batch


def test_every_kind_of_change_is_covered():
    fields = {field.name for field in network_pb2.Change.DESCRIPTOR.oneofs[0].fields}
    sent = {
        batch_to_pb(Batch("e", 1, (Change(item),))).changes[0].WhichOneof("object")
        for item in OBJECTS
    }
    assert sent == fields


def test_a_kind_that_is_not_known_here_is_passed_over():
    assert change_from_pb(network_pb2.Change()) is None
    assert batch_from_pb(controlplane_pb2.WatchBatch(changes=[network_pb2.Change()])).changes == ()


@pytest.mark.parametrize(
    "message",
    [
        network_pb2.Node(name="n", underlay_addresses=["no"]),
        network_pb2.Node(name="n", pod_cidrs=["10.0.0.1/8"]),
        network_pb2.Node(name="n", vtep_mac="aa:bb"),
        network_pb2.Node(name="n", vtep_mac="zz:bb:cc:dd:ee:ff"),
    ],
)
def test_nonsense_of_a_peer_is_a_config_error(message):
    with pytest.raises(ConfigError):
        change_from_pb(network_pb2.Change(node=message))
