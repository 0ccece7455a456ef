"""VXLAN: Ethernet frames in UDP datagrams (RFC 7348)."""

import struct
from dataclasses import dataclass

from netcore.model.errors import BadHeader, TruncatedPacket

VXLAN_HEADER_BYTES = 8
MAX_VNI = 0xFFFFFF

_HEADER = struct.Struct("!II")
_VNI_FLAG = 0x08000000  # the I flag: the VNI is valid


@dataclass(frozen=True, slots=True)
class VxlanHeader:
    """`vni` is the 24-bit VXLAN Network Identifier."""

    vni: int

    def encode(self) -> bytes:
        """The 8 bytes of the header; reserved bits are zero."""
        return encode_vxlan(self.vni)


def encode_vxlan(vni: int) -> bytes:
    """The 8 bytes that precede an inner frame. Raises BadHeader (VNI not 24 bits wide)."""
    if not 0 <= vni <= MAX_VNI:
        raise BadHeader(f"VNI {vni} does not fit 24 bits")
    return _HEADER.pack(_VNI_FLAG, vni << 8)


def parse_vxlan(view: memoryview) -> tuple[VxlanHeader, memoryview]:
    """Split an outer UDP payload into VXLAN header and inner frame.

    The VNI is 24 bits, big-endian. Reserved bits are ignored on receipt.
    Raises TruncatedPacket (< 8 bytes) or BadHeader (I flag clear).
    Source: RFC 7348 section 5.
    """
    if len(view) < VXLAN_HEADER_BYTES:
        raise TruncatedPacket(f"VXLAN header needs 8 bytes, datagram has {len(view)}")
    flags, vni_word = _HEADER.unpack_from(view)
    if not flags & _VNI_FLAG:
        raise BadHeader("VXLAN header without a VNI: the I flag is clear")
    return VxlanHeader(vni_word >> 8), view[VXLAN_HEADER_BYTES:]
