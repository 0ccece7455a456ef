"""The five numbers that name a flow (Linux: nf_conntrack_tuple)."""

from struct import Struct
from typing import NamedTuple

from netcore.model.address import IPV4_BYTES

_IPV4 = Struct("!B4sH4sH")
_IPV6 = Struct("!B16sH16sH")


class FlowTuple(NamedTuple):
    """Packed addresses in network byte order, ports in host order.

    For ICMP echo both ports are the identifier; for protocols without ports both are 0.
    """

    protocol: int
    src: bytes
    src_port: int
    dst: bytes
    dst_port: int

    def reversed(self) -> "FlowTuple":
        """The tuple of the answer, if nothing is translated on the way."""
        return FlowTuple(self.protocol, self.dst, self.dst_port, self.src, self.src_port)


def pack_flow(flow: FlowTuple) -> bytes:
    """The flow as 13 bytes (IPv4) or 37 (IPv6), protocol first: a quarter of a tuple's memory.

    Both addresses are of the family of the first.
    """
    layout = _IPV4 if len(flow[1]) == IPV4_BYTES else _IPV6
    return layout.pack(*flow)


def unpack_flow(packed: bytes) -> FlowTuple:
    """What `pack_flow` packed."""
    layout = _IPV4 if len(packed) == _IPV4.size else _IPV6
    return FlowTuple._make(layout.unpack(packed))
