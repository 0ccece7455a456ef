"""One real packet, sent and followed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubehop.kubernetes.trace_requests import send_inside, send_outside
from kubehop.tracing.packet_trace import PacketTrace

if TYPE_CHECKING:
    from kubehop.kubernetes.client import ApiClient
    from kubehop.kubernetes.trace_ends import Destination, Source


def send_packet(
    client: ApiClient,
    source: Source,
    to: Destination,
    timeout_s: float,
    outside: tuple[str, ...] = (),
) -> PacketTrace:
    """What became of it. `outside` is the command that a client outside sends by.

    Raises ApiError, ApiUnreachable, KubehopError: the sending program could not be started.
    """
    if source.kind == "outside":
        lines = send_outside(client, to, timeout_s, outside)
    else:
        lines = send_inside(client, source, to, timeout_s)
    return PacketTrace.of(lines, str(source), target_label(to), to.protocol)


def target_label(to: Destination) -> str:
    """TO for people: with its port, where it has one."""
    if to.protocol == "ICMP" or not to.port:
        return to.label
    bare = f"[{to.label}]" if to.label == to.host and ":" in to.host else to.label
    return f"{bare}:{to.port}"
