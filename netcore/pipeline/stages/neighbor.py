"""ARP and neighbour discovery: the node answers for every address that it routes.

Pods have host addresses (/32, /128), so the gateway is all they ask for; the host endpoint
may ask for any pod.
"""

from netcore.packet.packet import Packet
from netcore.packet.protocols import (
    ETHERTYPE_ARP,
    ICMPV6_NEIGHBOR_SOLICITATION,
    PROTOCOL_ICMPV6,
)
from netcore.pipeline.context import FromTunnel, Ingress
from netcore.pipeline.verdict import Drop, DropReason, Reply, ReplyKind, Verdict

_ICMPV6_LINK_LOCAL_TYPES = range(133, 138)  # RS, RA, NS, NA, redirect: never routed


def answer_neighbor(packet: Packet, ingress: Ingress) -> Verdict | None:
    """A verdict for packets that only concern the link, None for all that is to be routed."""
    if packet.ethertype == ETHERTYPE_ARP:
        if isinstance(ingress, FromTunnel):
            return Drop(DropReason.UNSUPPORTED_L3_PROTOCOL)
        return Reply(ReplyKind.ARP)
    if packet.protocol == 0 and not packet.src:
        return Drop(DropReason.UNSUPPORTED_L3_PROTOCOL)
    if packet.protocol == PROTOCOL_ICMPV6 and packet.icmp_type in _ICMPV6_LINK_LOCAL_TYPES:
        is_question = packet.icmp_type == ICMPV6_NEIGHBOR_SOLICITATION
        if is_question and not isinstance(ingress, FromTunnel):
            return Reply(ReplyKind.NEIGHBOR_ADVERTISEMENT)
        return Drop(DropReason.UNSUPPORTED_L3_PROTOCOL)
    if _is_multicast(packet.dst):
        return Drop(DropReason.STALE_OR_UNROUTABLE_IP)
    return None


def _is_multicast(address: bytes) -> bool:
    """RFC 5771 and RFC 4291 section 2.7; IPv4 limited broadcast counts too."""
    if len(address) == 4:
        return address[0] >> 4 == 0xE or address == b"\xff\xff\xff\xff"
    return address[0] == 0xFF
