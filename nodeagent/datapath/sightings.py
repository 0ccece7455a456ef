"""What a capture asks of a datapath, and what it is told."""

from dataclasses import dataclass

from netcore.capture.expression import Expression
from netcore.capture.pcapng import MAX_SNAP_BYTES
from netcore.pipeline.trace import Hop
from netcore.pipeline.verdict import Verdict

HOST = "host"
UNDERLAY = "vxlan"


def pod_place(name: str) -> str:
    """The place of a pod's eth0; `name` is namespace/name."""
    return f"pod/{name}"


@dataclass(frozen=True, slots=True)
class CaptureFilter:
    """Which frames are wanted, where, and how much of each.

    `places`: as in CapturedFrame; None: all of the node. `peers`: of the underlay only datagrams
    from or to these packed addresses; empty: all.
    """

    places: frozenset[str] | None = None
    peers: frozenset[bytes] = frozenset()
    expression: Expression | None = None
    snap_bytes: int = MAX_SNAP_BYTES


@dataclass(frozen=True, slots=True)
class CapturedFrame:
    """A frame at one place of its way over a node. `time_ns` is Unix time.

    `place` is HOST, UNDERLAY or a pod's; `inbound` is as seen by who owns it: what a pod gets is
    inbound at its eth0. `frame` is what was kept of `original_bytes`, with all checksums filled
    in; it may be a super-packet, which stands for many. `packet_id` is the same for one packet at
    all places of this node.
    """

    time_ns: int
    place: str
    inbound: bool
    frame: bytes
    original_bytes: int
    packet_id: int
    verdict: Verdict
    hops: tuple[Hop, ...]
