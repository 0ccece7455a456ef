"""Between the pb2 messages of NodeAgent.Capture and the control plane's own types."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controlplane.rpc.capture_types import CaptureAnswer, CaptureOrder, Dropped, Frame, Started
from protos.gen.v1 import nodeagent_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Iterator


def capture_request(order: CaptureOrder) -> pb.CaptureRequest:
    """The request of a Capture call."""
    return pb.CaptureRequest(
        places=order.places,
        peers=order.peers,
        filter=order.filter,
        snap_bytes=order.snap_bytes,
    )


def capture_answers(message: pb.CaptureResponse) -> Iterator[CaptureAnswer]:
    """What one response says."""
    if message.started:
        yield Started(message.vxlan_port)
    for frame in message.frames:
        yield Frame(
            frame.place,
            frame.time_unix_ns,
            frame.inbound,
            frame.data,
            frame.original_bytes,
            frame.packet_id,
            frame.comment,
        )
    for dropped in message.dropped:
        yield Dropped(dropped.place, dropped.frames)
