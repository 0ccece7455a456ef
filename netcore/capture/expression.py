"""What a capture filter asks of a frame.

A primitive holds when it holds for the frame itself or for the packet inside VXLAN. So `not` means
that neither of the two is so.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from netcore.model.address import IpNetwork, text
from netcore.model.errors import PacketError
from netcore.packet.checksum import Buffer
from netcore.packet.packet import Packet, parse_packet
from netcore.packet.protocols import (
    ETHERTYPE_ARP,
    ETHERTYPE_IPV4,
    ETHERTYPE_IPV6,
    PROTOCOL_ICMP,
    PROTOCOL_ICMPV6,
    PROTOCOL_SCTP,
    PROTOCOL_TCP,
    PROTOCOL_UDP,
    PROTOCOLS_WITH_PORTS,
)
from netcore.packet.vxlan import parse_vxlan

_UDP_HEADER_BYTES = 8


class Direction(Enum):
    """Which end of a packet is meant."""

    EITHER = ""
    SRC = "src"
    DST = "dst"


class Expression(Protocol):
    """str() gives a filter that means the same."""

    def matches(self, layers: Sequence[Packet]) -> bool:
        """`layers`: the frame and, of a VXLAN datagram, the frame inside."""
        ...


KINDS = {
    "ip": (ETHERTYPE_IPV4, None),
    "ip6": (ETHERTYPE_IPV6, None),
    "arp": (ETHERTYPE_ARP, None),
    "tcp": (None, PROTOCOL_TCP),
    "udp": (None, PROTOCOL_UDP),
    "sctp": (None, PROTOCOL_SCTP),
    "icmp": (ETHERTYPE_IPV4, PROTOCOL_ICMP),
    "icmp6": (ETHERTYPE_IPV6, PROTOCOL_ICMPV6),
}
"""Word -> EtherType and IP protocol; None: any."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Packets of a protocol, by a word of KINDS."""

    word: str

    def matches(self, layers: Sequence[Packet]) -> bool:
        return any(_is_kind(self.word, packet) for packet in layers)

    def __str__(self) -> str:
        return self.word


@dataclass(frozen=True, slots=True)
class Net:
    """Packets from or to an address of a network; a host is a network of one. Also ARP."""

    network: IpNetwork
    direction: Direction = Direction.EITHER
    word: str = ""

    def matches(self, layers: Sequence[Packet]) -> bool:
        return any(
            _is_kind(self.word, packet) and any(map(self._contains, _ends(packet, self.direction)))
            for packet in layers
        )

    def _contains(self, address: bytes) -> bool:
        network = self.network
        bits = network.max_prefixlen
        if len(address) * 8 != bits:
            return False
        shift = bits - network.prefixlen
        own = int.from_bytes(network.network_address.packed, "big")
        return int.from_bytes(address, "big") >> shift == own >> shift

    def __str__(self) -> str:
        if self.network.prefixlen == self.network.max_prefixlen:
            value = ("host", text(self.network.network_address.packed))
        else:
            value = ("net", str(self.network))
        return " ".join(filter(None, (self.word, self.direction.value, *value)))


@dataclass(frozen=True, slots=True)
class Ports:
    """TCP, UDP or SCTP from or to a port of `first` to `last`; of one protocol with `word`."""

    first: int
    last: int
    direction: Direction = Direction.EITHER
    word: str = ""

    def matches(self, layers: Sequence[Packet]) -> bool:
        return any(_is_kind(self.word, packet) and self._has_port(packet) for packet in layers)

    def _has_port(self, packet: Packet) -> bool:
        if packet.protocol not in PROTOCOLS_WITH_PORTS or packet.fragment_offset:
            return False
        ports = {
            Direction.EITHER: (packet.src_port, packet.dst_port),
            Direction.SRC: (packet.src_port,),
            Direction.DST: (packet.dst_port,),
        }[self.direction]
        return any(self.first <= port <= self.last for port in ports)

    def __str__(self) -> str:
        one = self.first == self.last
        value = ("port", str(self.first)) if one else ("portrange", f"{self.first}-{self.last}")
        return " ".join(filter(None, (self.word, self.direction.value, *value)))


@dataclass(frozen=True, slots=True)
class Not:
    inner: Expression

    def matches(self, layers: Sequence[Packet]) -> bool:
        return not self.inner.matches(layers)

    def __str__(self) -> str:
        return f"not ({self.inner})"


@dataclass(frozen=True, slots=True)
class And:
    left: Expression
    right: Expression

    def matches(self, layers: Sequence[Packet]) -> bool:
        return self.left.matches(layers) and self.right.matches(layers)

    def __str__(self) -> str:
        return f"({self.left}) and ({self.right})"


@dataclass(frozen=True, slots=True)
class Or:
    left: Expression
    right: Expression

    def matches(self, layers: Sequence[Packet]) -> bool:
        return self.left.matches(layers) or self.right.matches(layers)

    def __str__(self) -> str:
        return f"({self.left}) or ({self.right})"


def layers_of(frame: Buffer, vxlan_port: int) -> tuple[Packet, ...]:
    """The frame and what a VXLAN datagram to `vxlan_port` carries; only what can be read."""
    return tuple(_layers(memoryview(frame), vxlan_port))


def inner_frame(frame: memoryview, outer: Packet, vxlan_port: int) -> memoryview | None:
    """The frame that a VXLAN datagram carries; None for every other packet."""
    if outer.protocol != PROTOCOL_UDP or outer.dst_port != vxlan_port or outer.fragment_offset:
        return None
    try:
        _, inner = parse_vxlan(frame[outer.l4_offset + _UDP_HEADER_BYTES :])
    except PacketError:
        return None
    return inner


def _layers(frame: memoryview, vxlan_port: int) -> Iterator[Packet]:
    try:
        outer = parse_packet(frame)
        yield outer
        inner = inner_frame(frame, outer, vxlan_port)
        if inner is not None:
            yield parse_packet(inner)
    except PacketError:
        return


def _is_kind(word: str, packet: Packet) -> bool:
    ethertype, protocol = KINDS.get(word, (None, None))
    return ethertype in (None, packet.ethertype) and protocol in (None, packet.protocol)


def _ends(packet: Packet, direction: Direction) -> tuple[bytes, ...]:
    match direction:
        case Direction.SRC:
            return (packet.src,)
        case Direction.DST:
            return (packet.dst,)
        case Direction.EITHER:
            return (packet.src, packet.dst)
