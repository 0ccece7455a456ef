"""Hop limit and MTU of what is about to be forwarded."""

from netcore.model.address import IPV6_BYTES
from netcore.pipeline.context import FromHost
from netcore.pipeline.passage import Passage
from netcore.pipeline.trace import Stage
from netcore.pipeline.verdict import Deliver, Encap, Reject, RejectKind, Verdict


def is_forwarded(passage: Passage, verdict: Verdict) -> bool:
    """Whether this node acts as a router for the packet and takes one off its TTL."""
    if isinstance(passage.ctx.ingress, FromHost):
        return False  # the node's own packets; what it forwards, its kernel has counted
    return isinstance(verdict, Deliver | Encap)


def check_limits(passage: Passage, verdict: Verdict) -> Reject | None:
    """Reject with time exceeded (RFC 1812 5.3.1) or fragmentation needed (RFC 1191)."""
    if not isinstance(verdict, Deliver | Encap):
        return None
    packet, mtu = passage.packet, passage.snapshot.config.pod_mtu_bytes
    if is_forwarded(passage, verdict) and packet.ttl <= 1:
        if passage.trace is not None:
            passage.hop(Stage.ROUTE, f"ttl {packet.ttl}", "the packet may not go one hop further")
        return Reject(RejectKind.TIME_EXCEEDED)
    if packet.wire_bytes > mtu and may_not_fragment(passage):
        if passage.trace is not None:
            passage.hop(
                Stage.MTU, f"mtu {mtu}", f"{packet.wire_bytes} bytes and must not be fragmented"
            )
        return Reject(RejectKind.FRAGMENTATION_NEEDED, mtu)
    return None


def may_not_fragment(passage: Passage) -> bool:
    """IPv6 routers never fragment (RFC 8200 section 5); IPv4 ones not when DF is set."""
    return passage.packet.dont_fragment or len(passage.packet.dst) == IPV6_BYTES
