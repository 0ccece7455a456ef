"""Those who can run scenarios. A datapath joins the suite by fulfilling `Backend`."""

from dataclasses import dataclass
from typing import Protocol

from netcore.conntrack.table import ConntrackTable
from netcore.model.address import text
from netcore.packet.fragment import fragment_ipv4
from netcore.packet.offload import OffloadHeader, parse_offload
from netcore.packet.packet import parse_packet
from netcore.packet.vxlan import VXLAN_HEADER_BYTES
from netcore.pipeline.context import FromPod, FromTunnel, Ingress
from netcore.pipeline.snapshot import Snapshot
from netcore.pipeline.verdict import Deliver, Drop, Encap, Reject, Reply, Verdict
from nodeagent.datapath.userspace.devices import HEADROOM_BYTES, Tap
from nodeagent.datapath.userspace.engine import Engine, Port
from nodeagent.datapath.userspace.tunnel import Tunnel
from nodeagent.edges.vxlan_socket import VxlanSocket
from tests.support.decider import Decider


@dataclass(frozen=True)
class Seen:
    """What became of a packet. `frames` went on to where the verdict says, `hops` may be None."""

    verdict: str
    frames: tuple[bytes, ...]
    hops: tuple[str, ...] | None


class Backend(Protocol):
    """One node's datapath, started with a snapshot. Chance always gives 0."""

    capabilities: frozenset[str]

    def __init__(self, snapshot: Snapshot) -> None: ...

    def apply(self, snapshot: Snapshot) -> None: ...

    def send(self, frame: bytearray, ingress: Ingress) -> Seen: ...

    def wait(self, seconds: float) -> None:
        """Only asked of those with the capability `clock`."""

    def conntrack(self) -> ConntrackTable: ...


class DecideBackend:
    """`decide` itself, carried out on paper."""

    capabilities = frozenset({"clock"})

    def __init__(self, snapshot: Snapshot) -> None:
        self._decider = Decider(snapshot)

    def apply(self, snapshot: Snapshot) -> None:
        self._decider.snapshot = snapshot

    def send(self, frame: bytearray, ingress: Ingress) -> Seen:
        outcome = self._decider.send_raw(frame, ingress)
        limit = outcome.decision.fragment_to_bytes
        whole = bytes(outcome.frame)
        parts = fragment_ipv4(whole, outcome.packet, limit) if limit else [whole]
        if isinstance(outcome.verdict, Drop | Reject | Reply):
            parts = []
        stages = tuple(stage.value for stage in outcome.stages)
        return Seen(in_words(outcome.verdict), tuple(parts), stages)

    def wait(self, seconds: float) -> None:
        self._decider.now_s += seconds
        self._decider.flows.expire(self._decider.now_s)

    def conntrack(self) -> ConntrackTable:
        return self._decider.flows


class EngineBackend:
    """The userspace datapath's engine between devices that only remember."""

    capabilities: frozenset[str] = frozenset()

    def __init__(self, snapshot: Snapshot) -> None:
        self._tunnel = RecordingTunnel()
        self._taps: dict[bytes, RecordingTap] = {}
        self._host = RecordingTap(b"\0" * 6)
        tunnel = Tunnel(self._tunnel, snapshot.config.vni, may_coalesce=False)
        self._engine = Engine(snapshot, tunnel, self._host, b"\x0a\x58\0\0\0\1")
        self._engine._random_below = lambda n: 0
        self._ports: dict[Ingress, Port] = {}
        self.apply(snapshot)

    def apply(self, snapshot: Snapshot) -> None:
        self._engine.use(snapshot)
        for pod in snapshot.pods.values():
            if pod.node_name == snapshot.node_name:
                self._tap(tuple(ip.packed for ip in pod.ips))

    def _tap(self, ips: tuple[bytes, ...]) -> "RecordingTap":
        if ips[0] not in self._taps:
            tap = RecordingTap(b"\x0a\x58" + ips[0][-4:])
            self._taps.update((ip, tap) for ip in ips)
            self._engine.add_pod(ips, tap)
        return self._taps[ips[0]]

    def send(self, frame: bytearray, ingress: Ingress) -> Seen:
        for device in (self._host, self._tunnel, *self._taps.values()):
            device.sent.clear()
        before = self._engine.counters.read()
        self._engine.handle(self._port(ingress), buffer_of(frame))
        after = self._engine.counters.read()
        counted = {name for name, value in after.items() if value != before.get(name)}
        return self._seen(counted)

    def _port(self, ingress: Ingress) -> Port:
        if ingress not in self._ports:
            match ingress:
                case FromPod(ips):
                    self._ports[ingress] = Port(ingress, "pod", self._tap(ips))
                case FromTunnel():
                    self._ports[ingress] = Port(ingress, "tunnel", None)
                case _:
                    self._ports[ingress] = self._engine.host_port
        return self._ports[ingress]

    def _seen(self, counted: set[str]) -> Seen:
        for kind in ("drop", "reject", "reply"):
            if f"{kind}_packets" in counted:
                reasons = counted - {f"{kind}_packets", f"{kind}_bytes"}
                reason = next((r for r in reasons if r.startswith(f"{kind}_")), "")
                words = f"{kind.capitalize()} {reason.removeprefix(f'{kind}_').upper()}".strip()
                return Seen(words, (), None)
        if self._tunnel.sent:
            frames = tuple(frame for frame, _ in self._tunnel.sent)
            underlay = self._tunnel.sent[0][1]
            return Seen(f"Encap {self._node_at(underlay)} {underlay}", frames, None)
        if self._host.sent:
            return Seen("ToHost", tuple(self._host.sent), None)
        (tap,) = {id(tap): tap for tap in self._taps.values() if tap.sent}.values()
        return Seen(f"Deliver {text(parse_packet(tap.sent[0]).dst)}", tuple(tap.sent), None)

    def _node_at(self, underlay: str) -> str:
        nodes = self._engine.snapshot.nodes.values()
        return next(n.name for n in nodes if underlay in map(str, n.underlay_addresses))

    def wait(self, seconds: float) -> None:
        raise AssertionError("the engine's clock is the machine's")

    def conntrack(self) -> ConntrackTable:
        return self._engine.conntrack


class RecordingTap(Tap):
    """Takes every frame."""

    def __init__(self, mac: bytes) -> None:
        super().__init__(-1, mac)
        object.__setattr__(self, "sent", [])
        object.__setattr__(self, "offloads", [])

    sent: list[bytes]
    offloads: list[OffloadHeader]

    def send(self, buffer: memoryview) -> bool:
        self.offloads.append(parse_offload(buffer))
        self.sent.append(bytes(buffer[HEADROOM_BYTES:]))
        return True


class RecordingTunnel(VxlanSocket):
    """Takes every datagram; keeps the inner frame and where it went."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, str]] = []
        self.capabilities = frozenset()

    def send(
        self, flow_hash: int, data: memoryview, destination: str, segment_bytes: int = 0
    ) -> None:
        assert not segment_bytes
        self.sent.append((bytes(data[VXLAN_HEADER_BYTES:]), destination))


def buffer_of(frame: bytes | bytearray, offload: OffloadHeader | None = None) -> memoryview:
    """A frame as devices hand it over: behind its offload header."""
    return memoryview(bytearray((offload or OffloadHeader()).encode()) + frame)


def in_words(verdict: Verdict) -> str:
    """A verdict as scenario files name it; Reply has no detail that all backends could tell."""
    match verdict:
        case Deliver(ip):
            return f"Deliver {text(ip)}"
        case Encap(node_name, underlay):
            return f"Encap {node_name} {text(underlay)}"
        case Drop(reason):
            return f"Drop {reason.name}"
        case Reject(kind):
            return f"Reject {kind.name}"
        case _:
            return type(verdict).__name__


BACKENDS: dict[str, type[Backend]] = {"decide": DecideBackend, "userspace": EngineBackend}
