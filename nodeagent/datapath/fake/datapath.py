"""A datapath that only remembers what it was told: for tests of those who drive one."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

from netcore.conntrack.entry import ConntrackEntry
from netcore.conntrack.tuple import FlowTuple
from netcore.model.errors import DatapathError
from netcore.pipeline.context import Ingress
from netcore.pipeline.snapshot import Snapshot
from netcore.pipeline.verdict import ToHost
from nodeagent.datapath.base import FlowPage, Observation, ObservationFilter, Observer, PodPort
from nodeagent.datapath.sightings import CapturedFrame, CaptureFilter

if TYPE_CHECKING:
    from netcore.flow.sighting import Sighting

_Running = TypeVar("_Running")


class FakeDatapath:
    """See nodeagent.datapath.base.Datapath. Moves no packets and opens no devices."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshots = [snapshot]
        self.ports: dict[str, PodPort] = {}
        self.reports: list[Callable[[Observation], None]] = []
        self.captures: list[tuple[CaptureFilter, Callable[[CapturedFrame], None]]] = []
        self.sightings: list[Sighting] = []
        self.keeps_payloads = False
        self.closed = False

    @property
    def capabilities(self) -> frozenset[str]:
        return frozenset({"fake"})

    def attach(self, port: PodPort) -> None:
        if port.uid in self.ports:
            raise DatapathError("attach", port.name, "already attached")
        self.ports[port.uid] = port

    def detach(self, uid: str) -> None:
        self.ports.pop(uid, None)

    def apply(self, snapshot: Snapshot) -> None:
        self.snapshots.append(snapshot)

    def observe(self, wanted: ObservationFilter, report: Callable[[Observation], None]) -> Observer:
        self.reports.append(report)
        return _FakeObserver(self.reports, report)

    def capture(self, wanted: CaptureFilter, report: Callable[[CapturedFrame], None]) -> Observer:
        self.captures.append((wanted, report))
        return _FakeObserver(self.captures, (wanted, report))

    def probe(self, flow: FlowTuple, ingress: Ingress) -> Observation:
        return Observation(0, "fake", str(flow), (), ToHost())

    def flows(self, position: int, limit: int) -> FlowPage:
        found = tuple(self.sightings[position : position + limit])
        return FlowPage(found, position + len(found), 0, len(self.sightings))

    def keep_payloads(self, wanted: bool) -> None:
        self.keeps_payloads = wanted

    def conntrack(self) -> Sequence[ConntrackEntry]:
        return ()

    def stats(self) -> Mapping[str, int]:
        return {}

    def close(self) -> None:
        self.closed = True


class _FakeObserver(Generic[_Running]):
    def __init__(self, running: list[_Running], own: _Running) -> None:
        self._running, self._own = running, own

    def close(self) -> None:
        if self._own in self._running:
            self._running.remove(self._own)
