"""The default datapath: Python between TAP devices and a UDP socket."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from functools import partial

from netcore.conntrack.entry import ConntrackEntry
from netcore.conntrack.tuple import FlowTuple
from netcore.forwarding.host import host_plan
from netcore.model.address import packed, text
from netcore.model.errors import DatapathError, PacketError
from netcore.model.host_plan import HostPlan
from netcore.packet.packet import Packet
from netcore.pipeline.context import FromTunnel, Ingress
from netcore.pipeline.snapshot import Snapshot
from netcore.pipeline.stages.tracking import flow_of
from netcore.pipeline.verdict import Drop, DropReason, Encap
from nodeagent.datapath.base import (
    FlowPage,
    Observation,
    ObservationFilter,
    Observer,
    PodPort,
)
from nodeagent.datapath.details import OuterHeader
from nodeagent.datapath.sightings import HOST, CapturedFrame, CaptureFilter, pod_place
from nodeagent.datapath.userspace.capturing import Captures
from nodeagent.datapath.userspace.devices import (
    BUFFER_BYTES,
    PodDevice,
    Tap,
    pod_device,
)
from nodeagent.datapath.userspace.engine import RANDOM_BELOW, Engine, Port
from nodeagent.datapath.userspace.flow_ring import FlowRing
from nodeagent.datapath.userspace.icmpv6 import Icmpv6Copies
from nodeagent.datapath.userspace.loop import PacketLoop
from nodeagent.datapath.userspace.observing import RunningObservation, Watcher, probe
from nodeagent.datapath.userspace.pace import Pace
from nodeagent.datapath.userspace.tunnel import InvalidVni, Tunnel
from nodeagent.edges.icmpv6_socket import Icmpv6Socket
from nodeagent.edges.tap import has_offload_header, offered_offloads
from nodeagent.edges.underlay import UnderlayLink
from nodeagent.edges.vxlan_socket import VxlanSocket
from nodeagent.flags import DEFAULT_FLOW_CAPACITY

log = logging.getLogger(__name__)

_CAPABILITIES = frozenset({"userspace", "vxlan", "ipv4", "ipv6", "clusterip"})


class UserspaceDatapath:
    """See nodeagent.datapath.base.Datapath. Packets are handled in a thread of its own."""

    def __init__(
        self,
        snapshot: Snapshot,
        tunnel: VxlanSocket,
        host_tap: int,
        vtep_mac: bytes,
        lead_in: Callable[[HostPlan], None],
        icmpv6: Icmpv6Socket | None = None,
        *,
        read_link: Callable[[], UnderlayLink] = lambda: UnderlayLink(bytes(4)),
        clock: Callable[[], float] = time.monotonic,
        random_below: Callable[[int], int] = RANDOM_BELOW,
        flow_capacity: int = DEFAULT_FLOW_CAPACITY,
    ) -> None:
        """Owns `tunnel`, `icmpv6` and the descriptor `host_tap` from now on. `lead_in` makes the
        node's kernel hand over what the plan says, and may raise DatapathError. `clock` (monotonic
        seconds) and `random_below` are what packets are decided by. `read_link` tells captures
        what is around the tunnel's datagrams.
        """
        host = Tap(host_tap, vtep_mac, has_offload_header(host_tap))
        self._host = host
        self._lead_in = lead_in
        self._led_in: Snapshot | None = None
        self._plan = HostPlan()
        self._socket = tunnel
        self._tunnel = Tunnel(tunnel, snapshot.config.vni, may_coalesce=host.has_offload)
        self._capabilities = _CAPABILITIES | tunnel.capabilities | offered_offloads(host_tap)
        self._ring = FlowRing(flow_capacity)
        self._engine = Engine(
            snapshot,
            self._tunnel,
            host,
            vtep_mac,
            clock=clock,
            random_below=random_below,
            ring=self._ring,
        )
        self._devices: dict[str, PodDevice] = {}
        self._tunnel_pace = Pace()
        self._peers: dict[str, Port] = {}
        self._buffer = memoryview(bytearray(BUFFER_BYTES))
        self._loop = PacketLoop(self._engine.expire, clock)
        self._loop.add(tunnel.descriptor, self._drain_tunnel)
        host_drain = partial(self._drain_tap, host, self._engine.host_port, Pace())
        self._loop.add(host_tap, host_drain)
        self._icmpv6 = None if icmpv6 is None else Icmpv6Copies(icmpv6, self._engine)
        if icmpv6 is not None and self._icmpv6 is not None:
            self._loop.add(icmpv6.descriptor, self._icmpv6.drain)
        self._places = {host_tap: HOST}
        self._captures = Captures(
            self._loop, self._engine, self._tunnel, tunnel, self._places, read_link
        )
        self._loop.start()

    @property
    def capabilities(self) -> frozenset[str]:
        return self._capabilities

    def attach(self, port: PodPort) -> None:
        self._loop.call(lambda: self._attach(port))

    def detach(self, uid: str) -> None:
        self._loop.call(lambda: self._detach(uid))

    def apply(self, snapshot: Snapshot) -> None:
        self._loop.call(lambda: self._apply(snapshot))
        last, self._led_in = self._led_in, None
        # The same one again is a full apply: the kernel is looked at anew.
        if last is None or last is snapshot or not _leads_in_like(last, snapshot):
            plan = host_plan(snapshot.services.values(), snapshot.host_ports)
            if last is None or last is snapshot or plan != self._plan:
                self._lead_in(plan)
            self._plan = plan
        self._led_in = snapshot

    def observe(self, wanted: ObservationFilter, report: Callable[[Observation], None]) -> Observer:
        watcher = Watcher(wanted, report, self._outer_header)
        self._loop.call(lambda: self._engine.watch(watcher, wanted.addresses))
        return RunningObservation(self._loop, self._engine, watcher)

    def capture(self, wanted: CaptureFilter, report: Callable[[CapturedFrame], None]) -> Observer:
        return self._captures.begin(wanted, report)

    def probe(self, flow: FlowTuple, ingress: Ingress) -> Observation:
        found: list[Observation] = []
        self._loop.call(lambda: found.append(probe(self._engine, flow, ingress)))
        return found[0]

    def flows(self, position: int, limit: int) -> FlowPage:
        found: list[FlowPage] = []
        self._loop.call(lambda: found.append(self._ring.read(position, limit)))
        return found[0]

    def keep_payloads(self, wanted: bool) -> None:
        self._loop.call(lambda: self._engine.keep_payloads(wanted))

    def conntrack(self) -> Sequence[ConntrackEntry]:
        found: list[ConntrackEntry] = []
        self._loop.call(lambda: found.extend(self._engine.conntrack))
        return list(map(copy, found))  # here: the packet path does not wait for it

    def stats(self) -> Mapping[str, int]:
        counted = self._engine.counters.read()
        conntrack = self._engine.conntrack
        counted["conntrack_entries"] = len(conntrack)
        counted["conntrack_limit"] = conntrack.max_entries
        counted["conntrack_early_drops"] = conntrack.early_drops
        if overflowed := self._socket.overflowed:
            counted["drop_tunnel_queue_overflow"] = overflowed
        return counted

    def close(self) -> None:
        self._loop.stop()
        for device in self._devices.values():
            device.tap.close()
        self._devices.clear()
        self._host.close()
        self._socket.close()
        if self._icmpv6 is not None:
            self._icmpv6.close()

    def _attach(self, port: PodPort) -> None:
        taken = [text(ip) for ip in port.ips if self._engine.has_pod(ip)]
        if port.uid in self._devices or taken:
            raise DatapathError("attach", port.name, f"already attached: {taken or port.uid}")
        device = pod_device(port)
        way_in = Port(device.ingress, f"pod {port.name}", device.tap)
        self._devices[port.uid] = device
        self._places[port.descriptor] = pod_place(port.name)
        self._engine.add_pod(port.ips, device.tap)
        drain = partial(self._drain_tap, device.tap, way_in, Pace())
        self._loop.add(port.descriptor, drain)

    def _detach(self, uid: str) -> None:
        device = self._devices.pop(uid, None)
        if device is None:
            return
        self._engine.remove_pod(device.port.ips)
        self._loop.remove(device.port.descriptor)
        self._places.pop(device.port.descriptor, None)
        device.tap.close()

    def _apply(self, snapshot: Snapshot) -> None:
        if snapshot.nodes is not self._engine.snapshot.nodes:
            self._peers.clear()  # a peer may have left or changed its address
        self._engine.use(snapshot)

    def _outer_header(self, packet: Packet, verdict: Encap) -> OuterHeader:
        flow = flow_of(packet)
        if packet.more_fragments:
            flow = flow._replace(src_port=0, dst_port=0)
        return self._tunnel.outer_header(verdict.underlay, verdict.vtep_mac, hash(flow))

    def _drain_tap(self, tap: Tap, port: Port, pace: Pace) -> None:
        buffer, handle = self._buffer, self._engine.handle
        for taken in range(pace.frames):
            count = tap.read_into(buffer)
            if count is None:  # deleted from inside the pod: it would be readable for ever
                log.warning("%s: its device is gone", port.label)
                self._loop.remove(tap.descriptor)
                return
            if not count:
                pace.found(taken)
                return
            handle(port, buffer[:count])
        pace.used_up()

    def _drain_tunnel(self) -> None:
        engine = self._engine
        try:
            for sender, received in self._tunnel.receive(self._tunnel_pace):
                if isinstance(received, PacketError):
                    drop = Drop(_reason(received))
                    engine.counters.verdict(drop, 0)
                    self._captures.refused_datagram(drop)
                else:
                    engine.handle(self._peer(sender), received)
        except OSError:  # an ICMP error about an earlier datagram
            engine.counters.count("tunnel_receive_errors")

    def _peer(self, sender: str) -> Port:
        port = self._peers.get(sender)
        if port is None:
            address = packed(sender)
            port = Port(FromTunnel(address), f"tunnel {sender}", None)
            if address in self._engine.snapshot.nodes_by_underlay:  # strangers fill no table
                self._peers[sender] = port
        return port


def _leads_in_like(last: Snapshot, now: Snapshot) -> bool:
    return last.services is now.services and last.host_ports is now.host_ports


def _reason(error: PacketError) -> DropReason:
    if isinstance(error, InvalidVni):
        return DropReason.INVALID_VNI
    return DropReason.CT_TRUNCATED_OR_INVALID_HEADER
