"""Which flow the later fragments of a datagram belong to.

Only the first fragment has ports, and so only it can be matched to a flow. What it was is kept
under what all fragments of the datagram have in common. Linux reaches the same by putting the
datagram together before conntrack sees it (nf_defrag_ipv4, nf_defrag_ipv6); here nothing is
held back, so a fragment that overtakes its first one comes too early to be recognised.
"""

from typing import NamedTuple

from netcore.conntrack.tuple import FlowTuple
from netcore.model.address import IPV6_BYTES
from netcore.packet.packet import Packet

DEFAULT_MAX_DATAGRAMS = 4096
REASSEMBLY_S = 30.0
"""Linux's ipfrag_time: later than that no receiver puts the datagram together."""


class DatagramKey(NamedTuple):
    """What the fragments of one datagram share, as they were before translation.

    `protocol` is 0 for IPv6: there fragments may differ in it (RFC 8200 section 4.5), in IPv4
    it tells datagrams apart (RFC 791 section 3.2).
    """

    src: bytes
    dst: bytes
    protocol: int
    identification: int


def datagram_of(packet: Packet) -> DatagramKey:
    protocol = 0 if len(packet.src) == IPV6_BYTES else packet.protocol
    return DatagramKey(packet.src, packet.dst, protocol, packet.identification)


class FragmentTable:
    """First fragments by their datagram. Bounded: the oldest makes room. O(1) amortised."""

    def __init__(self, max_datagrams: int = DEFAULT_MAX_DATAGRAMS) -> None:
        self._max_datagrams = max_datagrams
        self._first: dict[DatagramKey, tuple[FlowTuple, float]] = {}  # the oldest comes first

    def __len__(self) -> int:
        return len(self._first)

    def lookup(self, datagram: DatagramKey) -> FlowTuple | None:
        """The tuple of the datagram's first fragment, as it came in."""
        known = self._first.get(datagram)
        return known[0] if known else None

    def remember(self, datagram: DatagramKey, flow: FlowTuple, now: float) -> None:
        """A first fragment has passed. An earlier datagram of the same key is forgotten."""
        self._first.pop(datagram, None)
        if len(self._first) >= self._max_datagrams:
            del self._first[next(iter(self._first))]
        self._first[datagram] = (flow, now + REASSEMBLY_S)

    def expire(self, now: float) -> None:
        """Forget what no receiver waits for any more. Call about once a second."""
        while self._first:
            oldest = next(iter(self._first))
            if self._first[oldest][1] > now:
                return
            del self._first[oldest]
