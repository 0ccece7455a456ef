"""What the first packet of a flow costs: one decision, with so many Services known."""

import statistics
import time
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network

from netcore.conntrack.table import ConntrackTable
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
from netcore.pipeline.context import Context, FromPod
from netcore.pipeline.decide import decide
from netcore.pipeline.snapshot import Snapshot, empty_snapshot
from netcore.service.balancing import BalancingTable

_CLIENT = IPv4Address("10.244.0.9")
_MAC = b"\x02\0\0\0\0\1"
_GATEWAY_MAC = b"\x02\0\0\0\0\2"
_FIRST_SERVICE = IPv4Address("10.96.1.0")
_ROUNDS = 25
_PACKETS = 400


def first_packet_us(sizes: Sequence[int]) -> dict[int, float]:
    """Median microseconds by number of Services. The sizes take turns: load hits all alike."""
    snapshots = {size: _snapshot(size) for size in sizes}
    packets = {size: list(_packets(size)) for size in sizes}
    values: dict[int, list[float]] = {size: [] for size in sizes}
    for _ in range(_ROUNDS):
        for size in sizes:
            values[size].append(_round_us(snapshots[size], packets[size]))
    return {size: statistics.median(found) for size, found in values.items()}


def _round_us(snapshot: Snapshot, packets: list[Packet]) -> float:
    flows = ConntrackTable()
    ingress = FromPod((_CLIENT.packed,), _MAC)
    context = Context(ingress, 1000.0, BalancingTable(), lambda below: below // 2)
    began = time.perf_counter()
    for packet in packets:
        decision = decide(snapshot, flows, packet, context)
        if decision.entry is None or not flows.insert(decision.entry, context.now_s):
            raise RuntimeError(f"not a new flow: {decision}")
    return (time.perf_counter() - began) / len(packets) * 1e6


def _snapshot(services: int) -> Snapshot:
    config = ClusterConfig(
        "bench",
        (IPv4Network("10.244.0.0/16"),),
        (IPv4Network("10.96.0.0/16"),),
        (IPv4Address("10.96.0.10"),),
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
    changes = [*map(Change, nodes), Change(client)]
    for number in range(services):
        changes += _service(number)
    return empty_snapshot(config, nodes[0]).advance(Batch("bench", 1, tuple(changes)))


def _service(number: int) -> tuple[Change, Change]:
    name = f"svc-{number}"
    service = Service(
        "default",
        name,
        cluster_ips=(_FIRST_SERVICE + number,),
        ports=(ServicePort("http", "TCP", 80),),
    )
    endpoints = tuple(
        Endpoint((IPv4Address(f"10.244.{1 + index}.{2 + number % 250}"),)) for index in range(2)
    )
    ports = (EndpointPort("http", "TCP", 8080),)
    return Change(service), Change(EndpointSlice("default", name, name, "IPv4", ports, endpoints))


def _packets(services: int) -> Iterator[Packet]:
    """First packets of connections to Services all over the table."""
    for number in range(_PACKETS):
        service = _FIRST_SERVICE + number * 7919 % services
        yield parse_packet(memoryview(_syn(service.packed, 10_000 + number)))


def _syn(destination: bytes, port: int) -> bytes:
    source = _CLIENT.packed
    segment = TcpHeader(port, 80, 1, 0, TCP_SYN, 64240).with_checksum(source, destination, b"")
    data = segment.encode()
    header = Ipv4Header(
        src=source,
        dst=destination,
        protocol=PROTOCOL_TCP,
        total_length=20 + len(data),
        ttl=64,
    ).with_checksum()
    return EthernetHeader(_GATEWAY_MAC, _MAC, ETHERTYPE_IPV4).encode() + header.encode() + data
