"""What was decided for a flow, compiled so that its next packets cost next to nothing.

A hit costs one look-up by the bytes of the frame itself, one rewrite of its header with
checksums updated incrementally (RFC 1624), and whatever the output does. Only plain packets are
looked up: TCP without SYN, and UDP, over IPv4 without options and fragments. Everything else is
parsed, and finds its flow by its tuple or is decided.
"""

import struct
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from netcore.conntrack.entry import ConntrackEntry
from netcore.conntrack.tuple import FlowTuple
from netcore.packet.offload import NEEDS_CHECKSUM
from netcore.packet.packet import Packet
from netcore.packet.protocols import ETHERTYPE_IPV4, PROTOCOL_TCP, PROTOCOL_UDP
from netcore.packet.rewrite import Rewrite
from netcore.pipeline.verdict import Deliver, Encap, ToHost
from nodeagent.datapath.userspace.devices import HEADROOM_BYTES

_CACHED_FLOWS_PER_PORT = 8_192
_Key = TypeVar("_Key", bytes, FlowTuple)
_MACS_AT = HEADROOM_BYTES
_L3_AT = HEADROOM_BYTES + 14
_L4_AT = _L3_AT + 20
PLAIN_BYTES = _L4_AT + 8
"""Nothing shorter is a plain packet."""

# flags and type of the offload header; EtherType, version and IHL, length, fragment, TTL,
# protocol, checksum, and addresses with ports.
read_plain = struct.Struct("!BB8x 12xHBxH2xHBBH12s").unpack_from
_write_header = struct.Struct("!BBH12s").pack_into
_WORD = struct.Struct("!H")
_read_word, _write_word = _WORD.unpack_from, _WORD.pack_into
_CHECKSUM_AT = {PROTOCOL_TCP: _L4_AT + 16, PROTOCOL_UDP: _L4_AT + 6}
_TTL_STEP = 0x100  # the TTL is the high byte of its word


class Output(Protocol):
    """Where frames go: a TAP or a way through the tunnel. `mac` is the far end's."""

    @property
    def mac(self) -> bytes: ...

    def send(self, buffer: memoryview) -> bool:
        """Whether the frame behind the headroom was taken. The headroom may be overwritten."""
        ...


@dataclass(slots=True)
class CachedFlow:
    """What to do with further packets of one direction of a tracked flow.

    `generation` is that of the picture it was decided by. `names` are the counters' (packets,
    bytes). The rest is None or 0 for flows that are not plain.
    """

    generation: int
    entry: ConntrackEntry
    is_reply: bool
    rewrite: Rewrite | None
    verdict: Deliver | Encap | ToHost
    output: Output
    macs: bytes
    names: tuple[str, str]
    ends: bytes = b""
    ttl_step: int = 0
    header_change: int = 0
    checksum_at: int = 0
    checksum_change: int = 0
    partial_change: int = 0

    def rewrite_plain(
        self, buffer: memoryview, offload_flags: int, ttl: int, protocol: int, checksum: int
    ) -> None:
        """Turn a plain packet of this flow into what is sent on."""
        buffer[_MACS_AT : _MACS_AT + 12] = self.macs
        if self.header_change:
            checksum = (checksum + self.header_change) % 0xFFFF
            _write_header(buffer, _L3_AT + 8, ttl - self.ttl_step, protocol, checksum, self.ends)
        change = self.partial_change if offload_flags & NEEDS_CHECKSUM else self.checksum_change
        if change:
            (checksum,) = _read_word(buffer, self.checksum_at)
            if checksum or offload_flags & NEEDS_CHECKSUM:
                checksum = (checksum + change) % 0xFFFF or 0xFFFF
                _write_word(buffer, self.checksum_at, checksum)


@dataclass(slots=True)
class FlowCache:
    """The flows whose packets come in through one port; bounded."""

    tcp: dict[bytes, CachedFlow] = field(default_factory=dict)
    udp: dict[bytes, CachedFlow] = field(default_factory=dict)
    other: dict[FlowTuple, CachedFlow] = field(default_factory=dict)

    def remember(self, packet: Packet, flow: FlowTuple, cached: CachedFlow) -> None:
        if not _is_plain(packet):
            _put(self.other, flow, cached)
            return
        ends = packet.src + packet.dst + _ports(packet.src_port, packet.dst_port)
        _compile(cached, packet, ends)
        _put(self.tcp if packet.protocol == PROTOCOL_TCP else self.udp, ends, cached)


def _put(known: dict[_Key, CachedFlow], key: _Key, cached: CachedFlow) -> None:
    if len(known) >= _CACHED_FLOWS_PER_PORT:
        known.clear()
    known[key] = cached


def _is_plain(packet: Packet) -> bool:
    return (
        packet.ethertype == ETHERTYPE_IPV4
        and packet.l4_offset == 34
        and packet.protocol in _CHECKSUM_AT
    )


def _compile(cached: CachedFlow, packet: Packet, ends: bytes) -> None:
    """Work out once what `apply_rewrite` would do with each packet."""
    rewrite = cached.rewrite or Rewrite(None, None, None, None, decrement_ttl=False)
    src, dst = rewrite.src or packet.src, rewrite.dst or packet.dst
    src_port = packet.src_port if rewrite.src_port is None else rewrite.src_port
    dst_port = packet.dst_port if rewrite.dst_port is None else rewrite.dst_port
    cached.ends = src + dst + _ports(src_port, dst_port)
    addresses = int.from_bytes(ends[:8], "big") - int.from_bytes(cached.ends[:8], "big")
    ports = packet.src_port + packet.dst_port - src_port - dst_port
    cached.ttl_step = int(rewrite.decrement_ttl)
    cached.header_change = addresses + _TTL_STEP * cached.ttl_step
    cached.checksum_at = _CHECKSUM_AT[packet.protocol]
    cached.checksum_change = addresses + ports
    cached.partial_change = -addresses


def _ports(src_port: int, dst_port: int) -> bytes:
    return src_port.to_bytes(2, "big") + dst_port.to_bytes(2, "big")
