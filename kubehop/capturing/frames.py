"""The lines of a capture's answer."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Place:
    """Where frames were seen: on a node, at `vxlan`, `host` or `pod/NAMESPACE/NAME`."""

    node: str
    what: str

    @property
    def name(self) -> str:
        """Short, for lines and interfaces."""
        return self.what if self.what.startswith("pod/") else f"{self.node}/{self.what}"

    @property
    def description(self) -> str:
        match self.what:
            case "vxlan":
                return f"VXLAN underlay of node {self.node}"
            case "host":
                return f"host endpoint of node {self.node}"
        return f"eth0 of pod {self.what.removeprefix('pod/')} on node {self.node}"


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame at one place; `data` may be cut off at less than `original_bytes`."""

    place: Place
    time_ns: int
    inbound: bool
    data: bytes
    original_bytes: int
    packet_id: int
    comment: str


def frame_of(line: dict[str, Any]) -> Frame:
    """From a line of type `frame`."""
    return Frame(
        Place(line["node"], line["place"]),
        line["timeUnixNano"],
        line["inbound"],
        b64decode(line["data"]),
        line["originalLength"],
        line["packetId"],
        line["comment"],
    )
