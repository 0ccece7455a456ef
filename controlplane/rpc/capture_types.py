"""What captures ask of a node's agent and are answered, without a wire format."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CaptureOrder:
    """Frames of one node. No places: all of them; 0 bytes: whole frames."""

    places: tuple[str, ...] = ()
    peers: tuple[str, ...] = ()
    filter: str = ""
    snap_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Started:
    """The capture runs: the first answer."""

    vxlan_port: int


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame at one place. `packet_id` is the same at all places of a node."""

    place: str
    time_unix_ns: int
    inbound: bool
    data: bytes
    original_bytes: int
    packet_id: int
    comment: str


@dataclass(frozen=True, slots=True)
class Dropped:
    """So many more frames were not kept at a place."""

    place: str
    frames: int


CaptureAnswer = Started | Frame | Dropped
