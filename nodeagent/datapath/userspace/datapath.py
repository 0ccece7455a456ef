"""The default datapath: Python between TAP devices and a UDP socket."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass

from netcore.conntrack.entry import ConntrackEntry
from netcore.conntrack.tuple import FlowTuple
from netcore.model.address import packed, text
from netcore.model.errors import DatapathError, PacketError
from netcore.packet.describe import describe
from netcore.packet.packet import Packet
from netcore.packet.protocols import ETHERTYPE_IPV4, ETHERTYPE_IPV6, PROTOCOL_TCP, TCP_SYN
from netcore.packet.vxlan import parse_vxlan
from netcore.pipeline.context import FromHost, FromPod, FromTunnel, Ingress
from netcore.pipeline.decide import decide
from netcore.pipeline.snapshot import Snapshot
from netcore.pipeline.trace import Hop
from netcore.pipeline.verdict import Decision, Drop, DropReason
from nodeagent.datapath.base import Observation, ObservationFilter, Observer, PodPort
from nodeagent.datapath.userspace.devices import (
    DRAIN_FRAMES,
    FRAME_BYTES,
    PodDevice,
    Tap,
    pod_device,
)
from nodeagent.datapath.userspace.engine import Engine, Port
from nodeagent.datapath.userspace.loop import PacketLoop
from nodeagent.edges.vxlan_socket import VxlanSocket

log = logging.getLogger(__name__)

_CAPABILITIES = frozenset({"userspace", "vxlan", "ipv4", "ipv6", "clusterip"})


class UserspaceDatapath:
    """See nodeagent.datapath.base.Datapath. Packets are handled in a thread of its own."""

    def __init__(
        self, snapshot: Snapshot, tunnel: VxlanSocket, host_tap: int, vtep_mac: bytes
    ) -> None:
        """Owns `tunnel` and the descriptor `host_tap` from now on."""
        host = Tap(host_tap, vtep_mac)
        self._host = host
        self._tunnel = tunnel
        self._engine = Engine(snapshot, tunnel, host, vtep_mac)
        self._devices: dict[str, PodDevice] = {}
        self._peers: dict[str, Port] = {}
        self._buffer = memoryview(bytearray(FRAME_BYTES))
        self._loop = PacketLoop(self._engine.expire)
        self._loop.add(tunnel.descriptor, self._drain_tunnel)
        self._loop.add(host_tap, lambda: self._drain_tap(host, self._engine.host_port))
        self._loop.start()

    @property
    def capabilities(self) -> frozenset[str]:
        return _CAPABILITIES

    def attach(self, port: PodPort) -> None:
        self._loop.call(lambda: self._attach(port))

    def detach(self, uid: str) -> None:
        self._loop.call(lambda: self._detach(uid))

    def apply(self, snapshot: Snapshot) -> None:
        self._loop.call(lambda: self._apply(snapshot))

    def observe(self, wanted: ObservationFilter, report: Callable[[Observation], None]) -> Observer:
        watcher = _Watcher(wanted, report)
        self._loop.call(lambda: self._engine.watchers.append(watcher))
        return _Observation(self._loop, self._engine, watcher)

    def probe(self, flow: FlowTuple, ingress: Ingress) -> Observation:
        found: list[Observation] = []
        self._loop.call(lambda: found.append(self._probe(flow, ingress)))
        return found[0]

    def conntrack(self) -> Sequence[ConntrackEntry]:
        found: list[ConntrackEntry] = []
        self._loop.call(lambda: found.extend(self._engine.conntrack))
        return list(map(copy, found))  # here: the packet path does not wait for it

    def stats(self) -> Mapping[str, int]:
        return self._engine.counters.read()

    def close(self) -> None:
        self._loop.stop()
        for device in self._devices.values():
            device.tap.close()
        self._devices.clear()
        self._host.close()
        self._tunnel.close()

    def _attach(self, port: PodPort) -> None:
        taken = [text(ip) for ip in port.ips if self._engine.has_pod(ip)]
        if port.uid in self._devices or taken:
            raise DatapathError("attach", port.name, f"already attached: {taken or port.uid}")
        device = pod_device(port)
        way_in = Port(device.ingress, f"pod {port.name}", device.tap)
        self._devices[port.uid] = device
        self._engine.add_pod(port.ips, device.tap)
        self._loop.add(port.descriptor, lambda: self._drain_tap(device.tap, way_in))

    def _detach(self, uid: str) -> None:
        device = self._devices.pop(uid, None)
        if device is None:
            return
        self._engine.remove_pod(device.port.ips)
        self._loop.remove(device.port.descriptor)
        device.tap.close()

    def _apply(self, snapshot: Snapshot) -> None:
        if snapshot.nodes is not self._engine.snapshot.nodes:
            self._peers.clear()  # a peer may have left or changed its address
        self._engine.use(snapshot)

    def _drain_tap(self, tap: Tap, port: Port) -> None:
        for _ in range(DRAIN_FRAMES):
            count = tap.read_into(self._buffer)
            if count is None:  # deleted from inside the pod: it would be readable for ever
                log.warning("%s: its device is gone", port.label)
                self._loop.remove(tap.descriptor)
                return
            if not count:
                return
            self._engine.handle(port, self._buffer[:count])

    def _drain_tunnel(self) -> None:
        for _ in range(DRAIN_FRAMES):
            try:
                count, sender = self._tunnel.receive_into(self._buffer)
            except BlockingIOError:
                return
            except OSError:  # an ICMP error about an earlier datagram
                self._engine.counters.count("tunnel_receive_errors")
                continue
            self._receive_tunnel(self._buffer[:count], sender)

    def _receive_tunnel(self, datagram: memoryview, sender: str) -> None:
        try:
            header, frame = parse_vxlan(datagram)
        except PacketError:
            self._engine.counters.verdict(
                Drop(DropReason.CT_TRUNCATED_OR_INVALID_HEADER), len(datagram)
            )
            return
        if header.vni != self._engine.snapshot.config.vni:
            self._engine.counters.verdict(Drop(DropReason.INVALID_VNI), len(datagram))
            return
        self._engine.handle(self._peer(sender), frame)

    def _peer(self, sender: str) -> Port:
        port = self._peers.get(sender)
        if port is None:
            address = packed(sender)
            port = Port(FromTunnel(address), f"tunnel {sender}", None)
            if address in self._engine.snapshot.nodes_by_underlay:  # strangers fill no table
                self._peers[sender] = port
        return port

    def _probe(self, flow: FlowTuple, ingress: Ingress) -> Observation:
        packet = _first_packet(flow, ingress)
        trace: list[Hop] = []
        engine = self._engine
        context = engine.context(ingress, time.monotonic())
        decision = decide(engine.snapshot, engine.conntrack, packet, context, trace)
        return _observation(_label(ingress), packet, decision, trace)


@dataclass(slots=True, eq=False)
class _Watcher:
    """Reports the packets that one observer asked for."""

    wanted: ObservationFilter
    report: Callable[[Observation], None]

    def __call__(self, port: Port, packet: Packet, decision: Decision, trace: list[Hop]) -> None:
        if self.wanted.protocol not in (None, packet.protocol):
            return
        entry = decision.entry
        ends = {packet.src, packet.dst}
        if entry is not None:
            ends |= {entry.original.src, entry.original.dst, entry.reply.src, entry.reply.dst}
        if not ends & self.wanted.addresses:
            return
        self.report(_observation(port.label, packet, decision, trace))


class _Observation:
    def __init__(self, loop: PacketLoop, engine: Engine, watcher: _Watcher) -> None:
        self._loop, self._engine, self._watcher = loop, engine, watcher

    def close(self) -> None:
        self._loop.call(self._stop)

    def _stop(self) -> None:
        if self._watcher in self._engine.watchers:
            self._engine.watchers.remove(self._watcher)


def _observation(label: str, packet: Packet, decision: Decision, trace: list[Hop]) -> Observation:
    return Observation(time.time_ns(), label, describe(packet), tuple(trace), decision.verdict)


def _label(ingress: Ingress) -> str:
    match ingress:
        case FromPod(ips):
            return f"pod {text(ips[0])}" if ips else "pod"
        case FromTunnel(underlay):
            return f"tunnel {text(underlay)}"
        case FromHost():
            return "host"


def _first_packet(flow: FlowTuple, ingress: Ingress) -> Packet:
    """The packet that would open `flow`: a SYN for TCP, small, with a fresh hop limit."""
    wide = len(flow.dst) == 16
    return Packet(
        dst_mac=b"\0" * 6,
        src_mac=ingress.mac if isinstance(ingress, FromPod) else b"\0" * 6,
        ethertype=ETHERTYPE_IPV6 if wide else ETHERTYPE_IPV4,
        src=flow.src,
        dst=flow.dst,
        protocol=flow.protocol,
        src_port=flow.src_port,
        dst_port=flow.dst_port,
        icmp_type=-1,
        icmp_code=-1,
        tcp_flags=TCP_SYN if flow.protocol == PROTOCOL_TCP else 0,
        ttl=64,
        dont_fragment=True,
        fragment_offset=0,
        more_fragments=False,
        l3_offset=14,
        l4_offset=54 if wide else 34,
        ip_length=60 if wide else 40,
        quoted=None,
    )
