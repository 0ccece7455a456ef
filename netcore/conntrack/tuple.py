"""The five numbers that name a flow (Linux: nf_conntrack_tuple)."""

from typing import NamedTuple


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
