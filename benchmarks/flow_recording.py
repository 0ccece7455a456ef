"""What it costs to record flows while nobody looks: the packet path with its ring and without.

Connections through a Service between two pods of a node are opened, used for one request and
closed. All is there but the devices: frames are written to /dev/null, so that the share is
larger than on a real node, whose system calls take longer.
"""

import gc
import os
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from ipaddress import IPv4Address
from typing import Any

from benchmarks.services import CLIENT, empty_cluster
from netcore.model.change import Batch, Change
from netcore.model.config import DEFAULT_PROXY_MODE
from netcore.model.endpoint import Endpoint, EndpointPort, EndpointSlice
from netcore.model.pod import Pod
from netcore.model.service import Service, ServicePort
from netcore.packet.ethernet import EthernetHeader
from netcore.packet.ipv4 import Ipv4Header
from netcore.packet.protocols import (
    ETHERTYPE_IPV4,
    PROTOCOL_TCP,
    TCP_ACK,
    TCP_FIN,
    TCP_PSH,
    TCP_SYN,
)
from netcore.packet.tcp import TcpHeader
from netcore.pipeline.context import FromPod
from netcore.pipeline.snapshot import Snapshot
from nodeagent.datapath.userspace.devices import HEADROOM_BYTES, Tap
from nodeagent.datapath.userspace.engine import Engine, Port
from nodeagent.datapath.userspace.flow_ring import FlowRing
from nodeagent.datapath.userspace.tunnel import Tunnel
from nodeagent.edges.vxlan_socket import VxlanSocket

_SERVER = FromPod((IPv4Address("10.244.0.10").packed,), b"\x02\0\0\0\0\3")
_NODE_MAC = b"\x02\0\0\0\0\2"
_SERVICE = IPv4Address("10.96.0.80")
_PORT, _TARGET_PORT = 80, 8080
_CONNECTIONS = 400
_ROUNDS = 40
_DATA = TCP_ACK | TCP_PSH
_CLOSE = TCP_ACK | TCP_FIN
_EXCHANGE = (
    (True, TCP_SYN, 0),
    (False, TCP_SYN | TCP_ACK, 0),
    (True, TCP_ACK, 0),
    (True, _DATA, 80),
    (False, TCP_ACK, 0),
    (False, _DATA, 300),
    (True, TCP_ACK, 0),
    (True, _CLOSE, 0),
    (False, _CLOSE, 0),
    (True, TCP_ACK, 0),
)
"""(from the client, flags, bytes): one request over a connection of its own."""


class _Silence(FlowRing):
    """Records nothing: the packet path as it was before there was a ring."""

    def decided(self, *_: Any) -> None:
        pass

    def closing(self, *_: Any) -> None:
        pass


class _NoTunnel(VxlanSocket):
    """Nothing goes to other nodes here."""

    def __init__(self) -> None:
        self.capabilities = frozenset()


def recording_percent() -> float:
    """How much longer a request over a new connection takes in the packet path: per cent.

    The median of the rounds' ratios; both ways take turns, so that load hits them alike.
    """
    frames = list(_frames())
    ratios = []
    gc.set_threshold(50_000, 50, 100)  # as the agent has it
    for turn in range(_ROUNDS):
        first, second = (_Silence, FlowRing) if turn % 2 else (FlowRing, _Silence)
        took = {ring: _seconds(ring(), frames) for ring in (first, second)}
        ratios.append(took[FlowRing] / took[_Silence])
    return (statistics.median(ratios) - 1) * 100


def _seconds(ring: FlowRing, frames: list[tuple[bool, bytes]]) -> float:
    with ExitStack() as stack:
        engine, client, server = _engine(ring, stack)
        buffers = [(client if of_client else server, _buffer(data)) for of_client, data in frames]
        handle = engine.handle
        began = time.process_time()
        for port, buffer in buffers:
            handle(port, buffer)
        took = time.process_time() - began
    delivered = engine.counters.read().get("deliver_packets", 0)
    if delivered != len(frames):
        raise RuntimeError(f"{delivered} of {len(frames)} packets were delivered")
    return took


def _engine(ring: FlowRing, stack: ExitStack) -> tuple[Engine, Port, Port]:
    taps = [Tap(os.open(os.devnull, os.O_WRONLY), mac) for mac in (CLIENT.mac, _SERVER.mac)]
    for tap in taps:
        stack.enter_context(closing(tap))
    tunnel = Tunnel(_NoTunnel(), 1, may_coalesce=False)
    engine = Engine(_snapshot(), tunnel, taps[0], _NODE_MAC, ring=ring)
    engine.add_pod(CLIENT.ips, taps[0])
    engine.add_pod(_SERVER.ips, taps[1])
    return engine, Port(CLIENT, "client", taps[0]), Port(_SERVER, "server", taps[1])


def _snapshot() -> Snapshot:
    server = Pod("default", "server", "uid-2", "node0", (IPv4Address(_SERVER.ips[0]),))
    service = Service(
        "default", "web", cluster_ips=(_SERVICE,), ports=(ServicePort("http", "TCP", _PORT),)
    )
    slice_ = EndpointSlice(
        "default",
        "web",
        "web",
        "IPv4",
        (EndpointPort("http", "TCP", _TARGET_PORT),),
        (Endpoint((IPv4Address(_SERVER.ips[0]),)),),
    )
    changes = (Change(server), Change(service), Change(slice_))
    return empty_cluster(DEFAULT_PROXY_MODE).advance(Batch("bench", 2, changes))


def _frames() -> Iterator[tuple[bool, bytes]]:
    for port in range(10_000, 10_000 + _CONNECTIONS):
        for of_client, flags, size in _EXCHANGE:
            yield of_client, _segment(port, flags, size, of_client=of_client)


def _segment(port: int, flags: int, size: int, *, of_client: bool) -> bytes:
    client, server = CLIENT.ips[0], _SERVER.ips[0]
    src, dst = (client, _SERVICE.packed) if of_client else (server, client)
    ports = (port, _PORT) if of_client else (_TARGET_PORT, port)
    data = bytes(size)
    segment = TcpHeader(*ports, 1, 1, flags, 64240).with_checksum(src, dst, data).encode() + data
    header = Ipv4Header(
        src=src,
        dst=dst,
        protocol=PROTOCOL_TCP,
        total_length=20 + len(segment),
        ttl=64,
        identification=0,
        dont_fragment=True,
    )
    mac = CLIENT.mac if of_client else _SERVER.mac
    return EthernetHeader(_NODE_MAC, mac, ETHERTYPE_IPV4).encode() + header.encode() + segment


def _buffer(frame: bytes) -> memoryview:
    return memoryview(bytearray(HEADROOM_BYTES) + frame)


if __name__ == "__main__":
    print(f"recording flows: {recording_percent():+.1f} % of the packet path's CPU time")
