"""The userspace datapath on sockets: a datagram socket keeps frames apart as a TAP does."""

import os
import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest

from netcore.conntrack.tuple import FlowTuple
from netcore.model.address import parse_address
from netcore.model.errors import DatapathError
from netcore.model.host_plan import HostPlan
from netcore.packet.packet import parse_packet
from netcore.packet.protocols import TCP_RST
from netcore.packet.vxlan import encode_vxlan
from netcore.pipeline.context import FromHost, FromPod
from netcore.pipeline.trace import Stage
from netcore.pipeline.verdict import Deliver, Encap, Reject, RejectKind
from nodeagent.datapath.base import Observation, ObservationFilter, PodPort
from nodeagent.datapath.registry import DATAPATHS
from nodeagent.datapath.userspace.datapath import UserspaceDatapath
from nodeagent.datapath.userspace.devices import BUFFER_BYTES, Tap
from nodeagent.datapath.userspace.opening import open_userspace
from nodeagent.edges.vxlan_socket import VxlanSocket
from tests.support.cluster import (
    CLIENT,
    CLIENT_POD,
    CONFIG,
    EMPTY,
    GATEWAY,
    OBJECTS,
    WEB,
    batch,
    from_node,
    node,
    service,
    snapshot,
    vtep_mac,
)
from tests.support.frames import PEER, PEER6, POD, POD6, POD_MAC, tcp, udp
from tests.support.pods import eventually

LOOPBACK = parse_address("127.0.0.1")
PEER_ADDRESS = parse_address("127.0.0.2")
CLIENT_MAC = b"\x0a\x58" + CLIENT


class Wire:
    """node1's datapath, the far ends of its devices, and node2 as a UDP socket."""

    def __init__(self) -> None:
        self.node2 = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.node2.bind((str(PEER_ADDRESS), 0))
        self.port = self.node2.getsockname()[1]
        self.snapshot = snapshot(
            *OBJECTS,
            replace(CONFIG, vxlan_port=self.port),
            node(1, underlay_addresses=(LOOPBACK,)),
            node(2, underlay_addresses=(PEER_ADDRESS,)),
        )
        near, self.host = self._device()
        tunnel = VxlanSocket(LOOPBACK, self.port)
        self.plans = []
        self.datapath = UserspaceDatapath(
            self.snapshot, tunnel, near, vtep_mac(1), self.plans.append
        )
        self.web = self.attach("uid-web-1", "default/web-1", POD_MAC, (POD, POD6))
        self.client = self.attach("uid-client", "default/client", CLIENT_MAC, (CLIENT,))
        for each in (self.node2, self.host, self.web, self.client):
            each.settimeout(5)

    def _device(self) -> tuple[int, socket.socket]:
        near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        near.setblocking(False)
        return near.detach(), far

    def attach(self, uid: str, name: str, mac: bytes, ips: tuple[bytes, ...]) -> socket.socket:
        near, far = self._device()
        try:
            self.datapath.attach(PodPort(uid, name, near, mac, ips))
        except DatapathError:
            os.close(near)
            far.close()
            raise
        return far

    def send_from_client(self, data: bytearray) -> None:
        data[6:12] = CLIENT_MAC
        self.client.send(data)

    def tunnel(self, data: bytes, header: bytes = encode_vxlan(1)) -> None:
        self.node2.sendto(header + data, (str(LOOPBACK), self.port))

    def count(self, name: str) -> int:
        return self.datapath.stats().get(name, 0)

    def close(self) -> None:
        self.datapath.close()
        for each in (self.node2, self.host, self.web, self.client):
            each.close()


@pytest.fixture
def wire() -> Iterator[Wire]:
    made = Wire()
    yield made
    made.close()


def test_it_is_a_datapath_that_nodes_can_be_started_with(wire):
    assert DATAPATHS["userspace"] is open_userspace
    assert {"userspace", "vxlan"} <= wire.datapath.capabilities


def test_from_pod_to_pod(wire):
    wire.send_from_client(tcp(CLIENT, POD))
    assert parse_packet(wire.web.recv(BUFFER_BYTES)).src == CLIENT


def test_out_through_the_tunnel_and_in_again(wire):
    wire.send_from_client(tcp(CLIENT, PEER))
    datagram = wire.node2.recv(BUFFER_BYTES)
    assert datagram[:8] == encode_vxlan(1)
    assert parse_packet(datagram[8:]).dst == PEER
    wire.tunnel(tcp(PEER, CLIENT, 80, 40000, flags=0x12))
    assert parse_packet(wire.client.recv(BUFFER_BYTES)).src == PEER


def test_from_and_to_the_host(wire):
    wire.host.send(tcp(GATEWAY, CLIENT))
    assert parse_packet(wire.client.recv(BUFFER_BYTES)).src == GATEWAY
    wire.send_from_client(tcp(CLIENT, GATEWAY, 80, 40000, flags=0x12))
    assert parse_packet(wire.host.recv(BUFFER_BYTES)).dst == GATEWAY


@pytest.mark.parametrize(
    ("header", "counter"),
    [
        (encode_vxlan(2), "drop_invalid_vni"),
        (b"\0" * 8, "drop_ct_truncated_or_invalid_header"),
        (b"", "drop_ct_truncated_or_invalid_header"),
    ],
)
async def test_other_datagrams_are_dropped_and_counted(wire, header, counter):
    wire.tunnel(tcp(PEER, CLIENT) if header else b"", header)
    await eventually(lambda: wire.count(counter) == 1)


async def test_strangers_are_dropped_and_not_remembered(wire):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.3", 0))
        stranger.sendto(encode_vxlan(1) + tcp(PEER, CLIENT), (str(LOOPBACK), wire.port))
    dropped = "drop_no_tunnel_or_encapsulation_endpoint"
    await eventually(lambda: wire.count(dropped) == 1)
    assert wire.datapath._peers == {}


# Pods.


def test_a_pod_is_attached_once(wire):
    with pytest.raises(DatapathError, match="attach default/web-1: already attached"):
        wire.attach("uid-web-1", "default/web-1", POD_MAC, (b"\x0a\xf4\x01\x63",))
    with pytest.raises(DatapathError, match=r"already attached: \['10.244.1.2'\]"):
        wire.attach("uid-other", "default/other", POD_MAC, (POD,))


async def test_a_detached_pod_gets_nothing_and_its_device_is_closed(wire):
    wire.datapath.detach("uid-web-1")
    wire.datapath.detach("uid-web-1")
    with pytest.raises(ConnectionRefusedError):
        wire.web.send(udp())
    wire.send_from_client(tcp(CLIENT, POD))
    await eventually(lambda: wire.count("drop_stale_or_unroutable_ip") == 1)
    wire.attach("uid-new", "default/new", POD_MAC, (POD, POD6)).close()


async def test_a_device_that_is_gone_is_let_go_of(wire, monkeypatch, caplog):
    monkeypatch.setattr(Tap, "read_into", lambda tap, buffer: None)
    wire.send_from_client(udp(CLIENT, POD))
    await eventually(lambda: "pod default/client: its device is gone" in caplog.text)
    monkeypatch.undo()
    wire.datapath.detach("uid-client")


async def test_errors_about_earlier_datagrams_are_counted(wire, monkeypatch):
    def refuse(*_: object) -> None:
        monkeypatch.undo()
        raise ConnectionRefusedError

    monkeypatch.setattr(VxlanSocket, "receive_into", refuse)
    wire.tunnel(tcp(PEER, CLIENT))
    assert parse_packet(wire.client.recv(BUFFER_BYTES)).src == PEER
    assert wire.count("tunnel_receive_errors") == 1


# Snapshots.


def test_a_new_snapshot_decides_from_then_on(wire):
    wire.datapath.apply(snapshot(CONFIG, node(1, underlay_addresses=(LOOPBACK,)), CLIENT_POD))
    wire.send_from_client(udp(CLIENT, WEB))
    wire.send_from_client(udp(CLIENT, POD))
    assert parse_packet(wire.client.recv(BUFFER_BYTES)).icmp_type == 3
    assert wire.count("drop_service_backend_not_found") == 1


def test_the_kernel_is_told_of_what_changes_for_it_alone(wire):
    apply, plans = wire.datapath.apply, wire.plans
    apply(wire.snapshot)
    apply(wire.snapshot.advance(batch(service("inner", 60))))
    assert plans == [HostPlan()]
    outer = service("outer", 61, external_ips=(PEER_ADDRESS,))
    led = wire.snapshot.advance(batch(outer))
    apply(led)
    assert plans == [HostPlan(), HostPlan(frozenset({PEER_ADDRESS}))]
    apply(led)
    assert plans[2:] == plans[1:2], "the same snapshot again: the kernel is looked at anew"


def test_after_a_kernel_that_refused_it_is_told_again(wire, monkeypatch):
    def refuse(plan: HostPlan) -> None:
        raise DatapathError("route", "kubehop0", "no")

    monkeypatch.setattr(wire.datapath, "_lead_in", refuse)
    with pytest.raises(DatapathError):
        wire.datapath.apply(wire.snapshot)
    monkeypatch.setattr(wire.datapath, "_lead_in", wire.plans.append)
    wire.datapath.apply(wire.snapshot.advance(batch(service("inner", 60))))
    assert wire.plans == [HostPlan()]


def test_peers_are_learnt_anew_when_nodes_change(wire):
    wire.tunnel(tcp(PEER, CLIENT))
    wire.client.recv(BUFFER_BYTES)
    assert len(wire.datapath._peers) == 1
    wire.datapath.apply(wire.snapshot)
    assert len(wire.datapath._peers) == 1
    wire.datapath.apply(replace(wire.snapshot, nodes=dict(wire.snapshot.nodes)))
    assert wire.datapath._peers == {}


# What people look at.


def test_conntrack_lists_the_flows(wire):
    wire.send_from_client(udp(CLIENT, WEB))
    wire.web.recv(BUFFER_BYTES)
    (entry,) = wire.datapath.conntrack()
    assert entry.service == "default/web:dns"


def test_listed_flows_do_not_change_any_more(wire):
    wire.send_from_client(tcp(CLIENT, POD))
    wire.web.recv(BUFFER_BYTES)
    (before,) = wire.datapath.conntrack()
    state = before.state
    wire.send_from_client(tcp(CLIENT, POD, flags=TCP_RST))
    wire.web.recv(BUFFER_BYTES)
    (after,) = wire.datapath.conntrack()
    assert before.state is state is not after.state


@pytest.fixture
def seen() -> list[Observation]:
    return []


def observe(wire: Wire, seen: list[Observation], *addresses: bytes, protocol: int | None = None):
    wanted = ObservationFilter(frozenset(addresses), protocol)
    return wire.datapath.observe(wanted, seen.append)


def test_packets_are_observed_before_and_after_translation(wire, seen):
    for address in (WEB, POD):
        observer = observe(wire, seen, address)
        wire.send_from_client(udp(CLIENT, WEB, 1))
        wire.web.recv(BUFFER_BYTES) if address == WEB else None
        wire.datapath.conntrack()
        observer.close()
        observer.close()
    assert [each.ingress for each in seen] == ["pod default/client"] * 2
    assert seen[0].verdict == Deliver(POD)
    assert seen[0].summary.startswith("UDP 10.244.1.3:1 -> 10.96.0.50:53")
    assert Stage.SERVICE in [hop.stage for hop in seen[0].hops]
    assert seen[0].time_ns > 1_600_000_000 * 10**9


def test_others_are_not_observed(wire, seen):
    observers = [observe(wire, seen, PEER), observe(wire, seen, POD, protocol=17)]
    wire.send_from_client(tcp(CLIENT, POD))
    wire.web.recv(BUFFER_BYTES)
    for observer in observers:
        observer.close()
    assert seen == []


def flow(target: bytes, port: int = 80, protocol: int = 6, source: bytes = CLIENT) -> FlowTuple:
    return FlowTuple(protocol, source, 40000, target, port)


def test_a_probe_tells_what_would_become_of_a_packet(wire):
    ingress = FromPod((CLIENT,), CLIENT_MAC)
    found = wire.datapath.probe(flow(EMPTY), ingress)
    assert found.verdict == Reject(RejectKind.PORT_UNREACHABLE)
    assert found.ingress == "pod 10.244.1.3"
    assert found.summary.startswith("TCP SYN 10.244.1.3:40000 -> 10.96.0.51:80")
    assert wire.datapath.probe(flow(WEB), ingress).verdict == Deliver(POD)
    assert wire.datapath.probe(flow(WEB), ingress).verdict == Deliver(POD), "no turn is used up"
    assert wire.datapath.conntrack() == []
    counted = dict(wire.datapath.stats())
    assert counted.pop("conntrack_limit")
    assert not any(counted.values())


def test_probes_of_every_ingress_and_family(wire):
    from_tunnel = replace(from_node(2), underlay=PEER_ADDRESS.packed)
    found = wire.datapath.probe(flow(POD, source=PEER), from_tunnel)
    assert (found.ingress, found.verdict) == ("tunnel 127.0.0.2", Deliver(POD))
    assert wire.datapath.probe(flow(POD, source=GATEWAY), FromHost()).ingress == "host"
    wide = wire.datapath.probe(flow(PEER6, 53, 17, POD6), FromPod((POD6,), POD_MAC))
    assert isinstance(wide.verdict, Encap)
    assert wire.datapath.probe(flow(POD), FromPod((), POD_MAC)).ingress == "pod"
