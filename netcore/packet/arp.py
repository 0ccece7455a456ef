"""ARP for IPv4 over Ethernet (RFC 826)."""

import struct
from dataclasses import dataclass

from netcore.model.errors import BadHeader, TruncatedPacket

ARP_REQUEST = 1
ARP_REPLY = 2
ARP_BYTES = 28

_PACKET = struct.Struct("!HHBBH6s4s6s4s")
_IPV4_OVER_ETHERNET = (1, 0x0800, 6, 4)


@dataclass(frozen=True, slots=True)
class ArpHeader:
    """MACs are 6 bytes, addresses 4."""

    operation: int
    sender_mac: bytes
    sender_ip: bytes
    target_mac: bytes
    target_ip: bytes

    def encode(self) -> bytes:
        """The 28 bytes of the packet."""
        return _PACKET.pack(
            *_IPV4_OVER_ETHERNET,
            self.operation,
            self.sender_mac,
            self.sender_ip,
            self.target_mac,
            self.target_ip,
        )


def parse_arp(view: memoryview) -> tuple[ArpHeader, memoryview]:
    """Split an Ethernet payload into the ARP packet and what pads it.

    Raises TruncatedPacket (< 28 bytes) or BadHeader (not IPv4 over Ethernet).
    Source: RFC 826, "Packet format".
    """
    if len(view) < ARP_BYTES:
        raise TruncatedPacket(f"ARP for IPv4 needs 28 bytes, there are {len(view)}")
    fields = _PACKET.unpack_from(view)
    if fields[:4] != _IPV4_OVER_ETHERNET:
        raise BadHeader(f"ARP for hardware type {fields[0]}, protocol type {fields[1]:#06x}")
    return ArpHeader(*fields[4:]), view[ARP_BYTES:]
