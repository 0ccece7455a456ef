"""A made-up cluster with many Services, as its first node knows it, and packets to them."""

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network

from netcore.model.change import Batch, Change
from netcore.model.config import ClusterConfig
from netcore.model.endpoint import Endpoint, EndpointPort, EndpointSlice
from netcore.model.node import Node
from netcore.model.pod import Pod
from netcore.model.service import Service, ServicePort
from netcore.packet.ethernet import EthernetHeader
from netcore.packet.ipv4 import Ipv4Header
from netcore.packet.packet import Packet, parse_packet
from netcore.packet.protocols import ETHERTYPE_IPV4, PROTOCOL_TCP, TCP_SYN
from netcore.packet.tcp import TcpHeader
from netcore.pipeline.context import FromPod
from netcore.pipeline.snapshot import Snapshot, empty_snapshot

_CLIENT = IPv4Address("10.244.0.9")
_MAC = b"\x02\0\0\0\0\1"
_GATEWAY_MAC = b"\x02\0\0\0\0\2"
_FIRST_SERVICE = IPv4Address("10.96.1.0")
_PORT = 80

CLIENT = FromPod((_CLIENT.packed,), _MAC)
"""Where the packets come from: a pod of the node."""


def empty_cluster(proxy_mode: str) -> Snapshot:
    """Three nodes and the client, and no Service yet."""
    config = ClusterConfig(
        "bench",
        (IPv4Network("10.244.0.0/16"),),
        (IPv4Network("10.96.0.0/16"),),
        (IPv4Address("10.96.0.10"),),
        proxy_mode=proxy_mode,
    )
    nodes = [
        Node(
            name=f"node{number}",
            underlay_addresses=(IPv4Address(f"172.18.0.{11 + number}"),),
            pod_cidrs=(IPv4Network(f"10.244.{number}.0/24"),),
            vtep_mac=bytes((2, 0, 0, 0, 1, number)),
            ready=True,
            labels={},
        )
        for number in range(3)
    ]
    client = Pod("default", "client", "uid", "node0", (_CLIENT,))
    changes = (*map(Change, nodes), Change(client))
    return empty_snapshot(config, nodes[0]).advance(Batch("bench", 1, changes))


def all_services(count: int) -> Batch:
    """So many Services with two endpoints each, as a node gets them when it joins."""
    changes = tuple(change for number in range(count) for change in _service(number))
    return Batch("bench", 2, changes)


def changed_service(number: int, turn: int) -> Batch:
    """One endpoint of one Service becomes another one; each `turn` has another endpoint."""
    _, change = _service(number)
    slice_ = change.object
    if not isinstance(slice_, EndpointSlice):
        raise TypeError(f"not an EndpointSlice: {slice_}")
    fresh = Endpoint((IPv4Address(f"10.244.1.{2 + (number + 1 + turn) % 250}"),))
    changed = replace(slice_, endpoints=(slice_.endpoints[0], fresh))
    return Batch("bench", 3 + turn, (Change(changed),))


def frontend_key(number: int) -> tuple[bytes, int, int]:
    """What the packets of one Service are looked up by."""
    return (_FIRST_SERVICE + number).packed, PROTOCOL_TCP, _PORT


def spread(services: int, count: int) -> list[int]:
    """`count` numbers of Services all over the table, the same ones each time."""
    return [number * 7919 % services for number in range(count)]


def first_packets(services: int, count: int) -> Iterator[Packet]:
    """First packets of connections to Services all over the table."""
    for number, service in enumerate(spread(services, count)):
        destination = (_FIRST_SERVICE + service).packed
        yield parse_packet(memoryview(_syn(destination, 10_000 + number)))


def _service(number: int) -> tuple[Change, Change]:
    name = f"svc-{number}"
    service = Service(
        "default",
        name,
        cluster_ips=(_FIRST_SERVICE + number,),
        ports=(ServicePort("http", "TCP", _PORT),),
    )
    endpoints = tuple(
        Endpoint((IPv4Address(f"10.244.{1 + index}.{2 + number % 250}"),)) for index in range(2)
    )
    ports = (EndpointPort("http", "TCP", 8080),)
    return Change(service), Change(EndpointSlice("default", name, name, "IPv4", ports, endpoints))


def _syn(destination: bytes, port: int) -> bytes:
    source = _CLIENT.packed
    segment = TcpHeader(port, _PORT, 1, 0, TCP_SYN, 64240).with_checksum(source, destination, b"")
    data = segment.encode()
    header = Ipv4Header(
        src=source,
        dst=destination,
        protocol=PROTOCOL_TCP,
        total_length=20 + len(data),
        ttl=64,
    ).with_checksum()
    return EthernetHeader(_GATEWAY_MAC, _MAC, ETHERTYPE_IPV4).encode() + header.encode() + data
