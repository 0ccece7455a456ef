"""Where captured frames go: a pcapng file or pipe, or lines for people."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from importlib.metadata import version
from typing import IO, TYPE_CHECKING, Protocol

from netcore.capture.line import line
from netcore.capture.pcapng import (
    CapturedPacket,
    enhanced_packet,
    interface_description,
    interface_statistics,
    section_header,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubehop.capturing.frames import Frame, Place

_NODE_SHIFT = 40
"""Nodes number their packets each from 1: above these bits is the node's own number."""
_FORWARDED = "FORWARDED"


class Output(Protocol):
    def frame(self, found: Frame) -> None: ...

    def finish(self, dropped: Counter[Place]) -> None:
        """No more frames will come; so many were lost by place."""
        ...


class PcapngOutput:
    """Writes each interface when its first frame comes. `is_pipe`: nothing waits in a buffer."""

    def __init__(
        self,
        stream: IO[bytes],
        *,
        snap_bytes: int,
        capture_filter: str = "",
        is_pipe: bool = False,
    ) -> None:
        self._stream = stream
        self._snap_bytes, self._filter = snap_bytes, capture_filter
        self._is_pipe = is_pipe
        self._interfaces: dict[Place, int] = {}
        self._received: Counter[Place] = Counter()
        self._nodes: dict[str, int] = {}
        self._last_ns = 0
        self._write(section_header(f"kubehop {version('kubehop')}"))

    def frame(self, found: Frame) -> None:
        number = self._nodes.setdefault(found.place.node, len(self._nodes) + 1)
        packet = CapturedPacket(
            interface=self._interface(found.place),
            time_ns=found.time_ns,
            data=found.data,
            original_bytes=found.original_bytes,
            inbound=found.inbound,
            comment=found.comment,
            packet_id=number << _NODE_SHIFT | found.packet_id,
        )
        self._received[found.place] += 1
        self._last_ns = max(self._last_ns, found.time_ns)
        self._write(enhanced_packet(packet))

    def finish(self, dropped: Counter[Place]) -> None:
        for place in dropped:
            self._interface(place)
        if not self._interfaces:  # libpcap refuses a file without any
            self._write(interface_description("any", "no frame was captured"))
        for place, interface in self._interfaces.items():
            received = self._received[place] + dropped[place]
            self._write(interface_statistics(interface, self._last_ns, received, dropped[place]))
        self._stream.flush()

    def _interface(self, place: Place) -> int:
        known = self._interfaces.get(place)
        if known is not None:
            return known
        described = interface_description(
            place.name,
            place.description,
            snap_bytes=self._snap_bytes,
            capture_filter=self._filter,
        )
        self._write(described)
        return self._interfaces.setdefault(place, len(self._interfaces))

    def _write(self, block: bytes) -> None:
        self._stream.write(block)
        if self._is_pipe:
            self._stream.flush()


class LineOutput:
    """One line a frame, as tcpdump's; what was not forwarded says so. `verbose`: every reason."""

    def __init__(
        self, show: Callable[[str], None], vxlan_port: int, *, verbose: bool = False
    ) -> None:
        self._show = show
        self._vxlan_port = vxlan_port
        self._verbose = verbose

    def frame(self, found: Frame) -> None:
        moment = datetime.fromtimestamp(found.time_ns // 1_000_000_000, UTC).astimezone()
        clock = f"{moment:%H:%M:%S}.{found.time_ns % 1_000_000_000 // 1000:06d}"
        way = "In " if found.inbound else "Out"
        told = line(found.data, self._vxlan_port, found.original_bytes)
        verdict, _, why = found.comment.partition("; ")
        end = "" if self._verbose or verdict.startswith(_FORWARDED) else f" [{verdict}]"
        self._show(f"{clock} {found.place.name} {way} {told}{end}")
        if self._verbose:
            self._show(f"    {verdict}")
            for reason in why.split("; ") if why else ():
                self._show(f"        {reason}")

    def finish(self, dropped: Counter[Place]) -> None:
        """Lines need no end."""
