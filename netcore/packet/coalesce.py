"""Putting a run of TCP segments together again, as the receiver's kernel would (numpy).

A run is what came of one super-packet: segments of one flow in a row, of one length but for the
last, with the same headers but for what counts up. Every checksum is verified before segments
become one, for none can be verified afterwards. What is not exactly such a run stays as it is.
"""

import struct
import sys
from functools import cache

import numpy as np
from numpy.typing import NDArray

from netcore.packet.checksum import Buffer, internet_checksum
from netcore.packet.offload import (
    NEEDS_CHECKSUM,
    OFFLOAD_HEADER_BYTES,
    SEGMENT_TCPV4,
    SEGMENT_TCPV6,
    TCP_CHECKSUM_OFFSET,
    OffloadHeader,
)
from netcore.packet.protocols import (
    ETHERTYPE_IPV4,
    ETHERTYPE_IPV6,
    PROTOCOL_TCP,
    TCP_ACK,
    TCP_FIN,
    TCP_PSH,
)
from netcore.packet.segment import Bytes, row_words

_L3 = 14
_MAX_IP_BYTES = 0xFFFF
_MAY_END_A_RUN = TCP_FIN | TCP_PSH
_WORD = struct.Struct("!H")
_COUNT = np.arange(_MAX_IP_BYTES, dtype=np.uint32)


class _Shape:
    """Where the headers of a frame are, when it may begin a run."""

    __slots__ = ("data", "is_ipv4", "l4")

    def __init__(self, l4: int, data: int, *, is_ipv4: bool) -> None:
        self.l4, self.data, self.is_ipv4 = l4, data, is_ipv4


def coalesce(batch: Buffer, prefix_bytes: int, width: int, out: memoryview) -> int:
    """Write the super-packet that `batch` is, with its offload header, to `out`.

    `batch` is datagrams of `width` bytes, the last one at most that long, each a frame behind
    `prefix_bytes` (even), which must be the same for all. Gives the number of bytes written, 0 when
    the batch is not one run or would be longer than an IP packet can be; `out` may then hold
    anything. `out` has room for OFFLOAD_HEADER_BYTES, the headers and 65,535 bytes.
    """
    view = memoryview(batch)
    full, rest = divmod(len(view), width)
    shape = _shape(view[prefix_bytes:width])
    if shape is None or full + bool(rest) < 2 or not full:
        return 0
    payload = width - prefix_bytes - shape.data
    tail = view[full * width + prefix_bytes :]
    if rest and len(tail) <= shape.data:
        return 0
    size = full * payload + (len(tail) - shape.data if rest else 0)
    if shape.data - _L3 + size > _MAX_IP_BYTES:
        return 0
    datagrams = np.frombuffer(view[: full * width], np.uint8).reshape(full, width)
    prefixes = datagrams[:, :prefix_bytes]
    if not (prefixes == prefixes[0]).all():
        return 0
    if rest and view[full * width : full * width + prefix_bytes] != view[:prefix_bytes]:
        return 0
    table = datagrams[:, prefix_bytes:]
    if not _is_run(table, shape, payload, ends_here=not rest):
        return 0
    last = table[-1]
    if rest:
        if not _continues(table[0, : shape.data].tobytes(), bytes(tail), shape, full * payload):
            return 0
        last = np.frombuffer(tail, np.uint8)
    return _write(table, last, shape, size, out, has_tail=bool(rest))


def _shape(frame: memoryview) -> _Shape | None:
    """None for what begins no run: anything but a plain TCP segment that fills its frame."""
    if len(frame) < 54:
        return None
    ethertype = frame[12] << 8 | frame[13]
    if ethertype == ETHERTYPE_IPV4:
        whole = frame[14] == 0x45 and not (frame[20] & 0x3F or frame[21])
        length, protocol, l4 = frame[16] << 8 | frame[17], frame[23], 34
    elif ethertype == ETHERTYPE_IPV6:
        whole = frame[14] >> 4 == 6
        length, protocol, l4 = 40 + (frame[18] << 8 | frame[19]), frame[20], 54
    else:
        return None
    if not whole or protocol != PROTOCOL_TCP or _L3 + length != len(frame) or len(frame) < l4 + 20:
        return None
    data = l4 + (frame[l4 + 12] >> 2 & 0x3C)
    if not l4 + 20 <= data < len(frame) or frame[l4 + 13] & ~TCP_PSH != TCP_ACK:
        return None
    return _Shape(l4, data, is_ipv4=ethertype == ETHERTYPE_IPV4)


@cache
def _varying(l4: int, data: int, *, is_ipv4: bool) -> NDArray[np.bool_]:
    """Which bytes of the headers may differ between the segments of a run."""
    varies = np.zeros(data, np.bool_)
    if is_ipv4:
        varies[_L3 + 4 : _L3 + 6] = True  # identification
        varies[_L3 + 10 : _L3 + 12] = True
    varies[l4 + 4 : l4 + 8] = True
    varies[l4 + 13] = True
    varies[l4 + 16 : l4 + 18] = True
    return varies


def _is_run(table: Bytes, shape: _Shape, payload: int, *, ends_here: bool) -> bool:
    """Whether all rows follow each other and are intact."""
    heads = table[:, : shape.data]
    varying = _varying(shape.l4, shape.data, is_ipv4=shape.is_ipv4)
    if not ((heads == heads[0]) | varying).all():
        return False
    flags = bytes(heads[:, shape.l4 + 13])
    inner = len(flags) - ends_here
    if flags.count(TCP_ACK, 0, inner) != inner or flags[-1] & ~_MAY_END_A_RUN != TCP_ACK:
        return False
    sequences = np.ascontiguousarray(heads[:, shape.l4 + 4 : shape.l4 + 8]).view(">u4")[:, 0]
    steps = sequences - sequences[0]  # modulo 2**32, as sequence numbers are
    return bool((steps == _COUNT[: len(table)] * payload).all()) and _are_intact(table, shape)


def _continues(first: bytes, last: bytes, shape: _Shape, distance: int) -> bool:
    """Whether the frame `last`, which is shorter, ends the run whose first headers are given."""
    l4 = shape.l4
    if last[l4 + 13] & ~_MAY_END_A_RUN != TCP_ACK:
        return False
    length = _L3 + 2 if shape.is_ipv4 else _L3 + 4
    (stated,) = _WORD.unpack_from(last, length)
    if _L3 + stated + (0 if shape.is_ipv4 else 40) != len(last):
        return False
    if any(first[at:end] != last[at:end] for at, end in _fixed_spans(l4, shape.data, length)):
        return False
    begin, end = (int.from_bytes(head[l4 + 4 : l4 + 8], "big") for head in (first, last))
    if (end - begin) & 0xFFFFFFFF != distance:
        return False
    if shape.is_ipv4 and internet_checksum(last[_L3:l4]):
        return False
    ends = last[_L3 + 12 : _L3 + 20] if shape.is_ipv4 else last[_L3 + 8 : _L3 + 40]
    pseudo = int.from_bytes(ends, "big") + PROTOCOL_TCP + len(last) - l4
    return not internet_checksum(last[l4:], pseudo)


def _fixed_spans(l4: int, data: int, length: int) -> tuple[tuple[int, int], ...]:
    """What the last segment's headers share with the first one's."""
    network = (
        ((length + 4, _L3 + 10), (_L3 + 12, l4 + 4))
        if length == _L3 + 2
        else ((length + 2, l4 + 4),)
    )
    upper = ((l4 + 8, l4 + 13), (l4 + 14, l4 + 16), (l4 + 18, data))
    return ((0, length), *network, *upper)


def _are_intact(table: Bytes, shape: _Shape) -> bool:
    """Whether the checksums of IP header and segment are right in all rows."""
    first = table[0, : shape.data].tobytes()
    if shape.is_ipv4:
        sums = row_words(table[:, _L3 : shape.l4]).sum(axis=1, dtype=np.uint32)
        if (sums % 0xFFFF).any():
            return False
        ends = first[_L3 + 12 : _L3 + 20]
    else:
        ends = first[_L3 + 8 : _L3 + 40]
    # All rows have these in common; as words of this machine, like the sums of the rows.
    pseudo = int.from_bytes(ends, "big") + PROTOCOL_TCP + table.shape[1] - shape.l4
    common = int.from_bytes((pseudo % 0xFFFF).to_bytes(2, "big"), sys.byteorder)
    sums = row_words(table[:, shape.l4 :]).sum(axis=1, dtype=np.uint32)
    return not ((sums + np.uint32(common)) % 0xFFFF).any()


def _write(
    table: Bytes, last: Bytes, shape: _Shape, size: int, out: memoryview, *, has_tail: bool
) -> int:
    data, l4 = shape.data, shape.l4
    header = bytearray(table[0, :data])
    header[l4 + 13] = int(last[l4 + 13])
    _set_lengths(header, shape, data - _L3 + size)
    kind = SEGMENT_TCPV4 if shape.is_ipv4 else SEGMENT_TCPV6
    payload = table.shape[1] - data
    offload = OffloadHeader(NEEDS_CHECKSUM, kind, data, payload, l4, TCP_CHECKSUM_OFFSET)
    start = OFFLOAD_HEADER_BYTES
    out[:start] = offload.encode()
    out[start : start + data] = header
    room = np.frombuffer(out[start + data : start + data + size], np.uint8)
    full = len(table) * payload
    room[:full].reshape(len(table), payload)[:] = table[:, data:]
    if has_tail:
        room[full:] = last[data:]
    return start + data + size


def _set_lengths(header: bytearray, shape: _Shape, ip_bytes: int) -> None:
    """Length and checksums of the super-packet's headers; TCP's checksum is partial."""
    if shape.is_ipv4:
        _WORD.pack_into(header, _L3 + 2, ip_bytes)
        header[_L3 + 10 : _L3 + 12] = b"\0\0"
        _WORD.pack_into(header, _L3 + 10, internet_checksum(header[_L3 : shape.l4]))
        ends = header[_L3 + 12 : _L3 + 20]
    else:
        _WORD.pack_into(header, _L3 + 4, ip_bytes - 40)
        ends = header[_L3 + 8 : _L3 + 40]
    segment = _L3 + ip_bytes - shape.l4
    pseudo = internet_checksum(ends, PROTOCOL_TCP + segment) ^ 0xFFFF
    _WORD.pack_into(header, shape.l4 + TCP_CHECKSUM_OFFSET, pseudo)
