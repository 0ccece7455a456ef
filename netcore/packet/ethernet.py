"""Ethernet II frames (IEEE 802.3 clause 3; RFC 894, RFC 2464)."""

import struct
from dataclasses import dataclass

from netcore.model.errors import TruncatedPacket

ETHERNET_HEADER_BYTES = 14
BROADCAST_MAC = b"\xff" * 6

_HEADER = struct.Struct("!6s6sH")


@dataclass(frozen=True, slots=True)
class EthernetHeader:
    """MACs are 6 bytes. Tagged frames (802.1Q) are not unwrapped: their type is 0x8100."""

    dst: bytes
    src: bytes
    ethertype: int

    def encode(self) -> bytes:
        """The 14 bytes of the header."""
        return _HEADER.pack(self.dst, self.src, self.ethertype)


def parse_ethernet(frame: memoryview) -> tuple[EthernetHeader, memoryview]:
    """Split a frame (without preamble and FCS) into header and payload.

    The payload keeps padding of the sender. Raises TruncatedPacket (< 14 bytes).
    """
    if len(frame) < ETHERNET_HEADER_BYTES:
        raise TruncatedPacket(f"Ethernet header needs 14 bytes, frame has {len(frame)}")
    return EthernetHeader(*_HEADER.unpack_from(frame)), frame[ETHERNET_HEADER_BYTES:]


def is_group_mac(mac: bytes) -> bool:
    """Whether a MAC is a broadcast or multicast address."""
    return bool(mac[0] & 1)
