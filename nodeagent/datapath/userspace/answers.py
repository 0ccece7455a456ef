"""Frames that the node itself sends in answer to a packet."""

from netcore.packet.packet import Packet
from netcore.packet.protocols import PROTOCOL_TCP
from netcore.packet.reply import (
    arp_reply,
    icmp_error,
    neighbor_advertisement,
    tcp_reset,
)
from netcore.pipeline.verdict import Reject, RejectKind, ReplyKind

_RESET_BY = (RejectKind.PORT_UNREACHABLE, RejectKind.ADMINISTRATIVELY_PROHIBITED)


def answer_reply(kind: ReplyKind, frame: memoryview, packet: Packet, mac: bytes) -> bytes | None:
    """The frame for a Reply; None when the question deserves no answer."""
    if kind is ReplyKind.ARP:
        return arp_reply(frame, packet, mac)
    return neighbor_advertisement(frame, packet, mac)


def answer_reject(
    reject: Reject, frame: memoryview, packet: Packet, gateway: bytes | None
) -> bytes | None:
    """The frame for a Reject: a reset for TCP where nobody listens or may be asked, else an ICMP
    error from the node's gateway address. None where an error must not be answered (RFC 1122
    section 3.2.2).
    """
    if reject.kind in _RESET_BY and packet.protocol == PROTOCOL_TCP:
        return tcp_reset(frame, packet)
    if gateway is None:
        return None
    return icmp_error(frame, packet, reject.kind.name, gateway, reject.mtu_bytes)
