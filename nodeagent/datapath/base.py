"""The contract that every datapath fulfils.

A datapath moves packets between the node's pods, its tunnels and its host endpoint as
`netcore.pipeline.decide` says. The agent owns the snapshot and is the only caller; it may
call from one thread only. All methods return quickly; none does I/O that can block.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from netcore.conntrack.entry import ConntrackEntry
from netcore.conntrack.tuple import FlowTuple
from netcore.flow.sighting import Sighting
from netcore.model.address import IpAddress
from netcore.pipeline.context import Ingress
from netcore.pipeline.snapshot import Snapshot
from netcore.pipeline.trace import Hop
from netcore.pipeline.verdict import Verdict
from nodeagent.datapath.details import OuterHeader, TrackedFlow
from nodeagent.datapath.sightings import CapturedFrame, CaptureFilter
from nodeagent.flags import DEFAULT_FLOW_CAPACITY

DROPPED = "dropped "
"""Begins the names of counters of drops by reason, direction and protocol, with spaces between."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where a datapath is to work: the node's first picture, its underlay address, its VTEP's MAC.

    A datapath opens the devices and sockets that it needs itself, in the network namespace of
    the calling thread. It raises DatapathError with the remedy, and leaves nothing then.
    `flow_capacity` is how many sightings of flows it keeps.
    """

    snapshot: Snapshot
    underlay: IpAddress
    vtep_mac: bytes
    flow_capacity: int = DEFAULT_FLOW_CAPACITY


@dataclass(frozen=True, slots=True)
class PodPort:
    """A pod's place on the node: its device's descriptor, MAC and packed addresses.

    The datapath owns the descriptor from `attach` on and closes it.
    """

    uid: str
    name: str
    descriptor: int
    mac: bytes
    ips: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Observation:
    """One packet, as it was decided. `time_ns` is Unix time, and so are `hop_times_ns`, one for
    each hop or none at all. `ttl` is the packet's as it came in, `outer` what a tunnel puts
    around it, `tracked` the conntrack entry that it belongs to.
    """

    time_ns: int
    ingress: str
    summary: str
    hops: tuple[Hop, ...]
    verdict: Verdict
    hop_times_ns: tuple[int, ...] = ()
    ttl: int = 0
    outer: OuterHeader | None = None
    tracked: TrackedFlow | None = None


@dataclass(frozen=True, slots=True)
class ObservationFilter:
    """Packets from or to any of the packed `addresses`, before or after translation.

    `protocol` is an IP protocol number, or None for any.
    """

    addresses: frozenset[bytes]
    protocol: int | None = None


@dataclass(frozen=True, slots=True)
class FlowPage:
    """A part of the flow ring, the oldest first. `next` is where to read on, `end` where the ring
    ends; `lost` tells how many after the position that was asked for are no longer kept.
    """

    sightings: tuple[Sighting, ...]
    next: int
    lost: int
    end: int


class Observer(Protocol):
    """A running observation; closing it twice is harmless."""

    def close(self) -> None: ...


class Datapath(Protocol):
    """See the module's docstring. After `close` nothing else may be called."""

    @property
    def capabilities(self) -> frozenset[str]:
        """What it can do, in words that the Node's annotation `kubehop.dev/capabilities` shows."""
        ...

    def attach(self, port: PodPort) -> None:
        """Serve a pod. Raises DatapathError when the uid or an address is attached already."""
        ...

    def detach(self, uid: str) -> None:
        """Stop serving a pod; unknown uids are ignored."""
        ...

    def apply(self, snapshot: Snapshot) -> None:
        """Decide by this snapshot from now on. Atomic and idempotent."""
        ...

    def observe(self, wanted: ObservationFilter, report: Callable[[Observation], None]) -> Observer:
        """Have `report` called for each matching packet, from the datapath's own thread."""
        ...

    def capture(self, wanted: CaptureFilter, report: Callable[[CapturedFrame], None]) -> Observer:
        """Have `report` called for each wanted frame, from the datapath's own thread.

        Unlike the rest this may block for a moment, and may be called from any thread. Raises
        DatapathError.
        """
        ...

    def probe(self, flow: FlowTuple, ingress: Ingress) -> Observation:
        """What would become of a first packet of `flow`. Sends nothing, changes nothing."""
        ...

    def flows(self, position: int, limit: int) -> FlowPage:
        """At most `limit` of the sightings from `position` on (0: all that are kept)."""
        ...

    def keep_payloads(self, wanted: bool) -> None:
        """Whether the flow ring is to have what may be DNS and HTTP messages: this slows it."""
        ...

    def conntrack(self) -> Sequence[ConntrackEntry]:
        """The tracked flows, as copies that no longer change."""
        ...

    def stats(self) -> Mapping[str, int]:
        """Counters since the start: packets and bytes by verdict, drops by reason. Also how
        many flows are tracked now, and how many may be.
        """
        ...

    def close(self) -> None:
        """Give back every device and socket."""
        ...
