"""Cutting super-packets into what a wire carries, many segments in one step (numpy).

Theory of operation: all segments of a super-packet are rows of one array. Their common header
is written to all rows at once, then the columns that differ: lengths, IP identification,
sequence number, flags. The ones' complement sum of a row does not depend on the byte order in
which its words are read (RFC 1071 section 2 B), so rows are summed as the machine's own words.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from netcore.packet.checksum import Buffer
from netcore.packet.offload import TCP_CHECKSUM_OFFSET, UDP_CHECKSUM_OFFSET
from netcore.packet.protocols import PROTOCOL_TCP, TCP_FIN, TCP_PSH

Bytes = NDArray[np.uint8]

MAX_ROWS = 64  # UDP_MAX_SEGMENTS of older kernels
MAX_BYTES = 65_507  # of a UDP datagram over IPv4
_TCP_CWR = 0x80
_FLAGS_OF_LAST = TCP_FIN | TCP_PSH


class Segmenter:
    """Holds scratch memory: what `cut` gives is valid until the next step. One thread's own."""

    def __init__(self, prefix: bytes) -> None:
        """`prefix`, of even length, goes in front of every segment (such as a VXLAN header)."""
        self._prefix = prefix
        self._scratch = np.empty(MAX_BYTES + 1, np.uint8)

    def cut(
        self, frame: memoryview, l4_offset: int, protocol: int, segment_bytes: int
    ) -> Iterator[tuple[memoryview, int]]:
        """Batches of frames, each with its prefix: the bytes, and how long each frame is.

        Frames of a batch follow each other without gaps, all equally long but for the very last
        one. A batch is at most MAX_ROWS frames and MAX_BYTES bytes. `frame` is an Ethernet frame
        of exactly one TCP segment or UDP datagram over IPv4 or IPv6, with a partial checksum;
        `segment_bytes` of its payload (at least 1) go into each segment. All checksums are
        filled in, IPv4 identifications count up (RFC 791, RFC 6864).
        """
        header = l4_offset + (frame[l4_offset + 12] >> 2 & 0x3C if protocol == PROTOCOL_TCP else 8)
        payload = np.frombuffer(frame, np.uint8)[header:]
        width = len(self._prefix) + header + segment_bytes
        rows = max(1, min(MAX_ROWS, MAX_BYTES // width))
        template = _Template(self._prefix, bytes(frame[:header]), l4_offset, protocol)
        count = -(-len(payload) // segment_bytes)
        for first in range(0, count, rows):
            some = payload[first * segment_bytes : (first + rows) * segment_bytes]
            batch = _Batch(first, segment_bytes, is_last=first + rows >= count)
            yield template.fill(self._scratch, some, batch).data, width


class _Batch:
    """Which part of the super-packet: its first segment's number, each segment's payload."""

    __slots__ = ("first", "is_last", "segment_bytes")

    def __init__(self, first: int, segment_bytes: int, *, is_last: bool) -> None:
        self.first, self.segment_bytes, self.is_last = first, segment_bytes, is_last


class _Template:
    """The header that all segments share, and where it is to be changed."""

    def __init__(self, prefix: bytes, header: bytes, l4_offset: int, protocol: int) -> None:
        self._bytes = np.frombuffer(prefix + header, np.uint8)
        self._l3, self._l4 = len(prefix) + 14, len(prefix) + l4_offset
        self._is_ipv4 = header[14] >> 4 == 4
        self._protocol = protocol
        self._checksum = self._l4 + (
            TCP_CHECKSUM_OFFSET if protocol == PROTOCOL_TCP else UDP_CHECKSUM_OFFSET
        )
        if self._is_ipv4:
            self._identification = int.from_bytes(header[18:20], "big")
            ends = header[26:34]
        else:
            ends = header[22:54]
        self._sequence = int.from_bytes(header[l4_offset + 4 : l4_offset + 8], "big")
        # In the machine's byte order, like the sums of the rows.
        self._ends_sum = int(np.frombuffer(ends, "=u2").sum(dtype=np.uint32))

    def fill(self, scratch: Bytes, payload: Bytes, batch: _Batch) -> Bytes:
        """The segments of `payload`, one behind the other, at the start of `scratch`."""
        size, header = batch.segment_bytes, len(self._bytes)
        full, rest = divmod(len(payload), size)
        count = full + bool(rest)
        table = scratch[: count * (header + size)].reshape(count, header + size)
        table[:, :header] = self._bytes
        table[:full, header:] = payload[: full * size].reshape(full, size)
        if rest:
            table[full, header : header + rest] = payload[full * size :]
            table[full, header + rest :] = 0
        self._number(table, batch)
        self._set_lengths(table[:full], header + size)
        if rest:
            self._set_lengths(table[full:], header + rest)
        self._sum(table, count, rest)
        return scratch[: count * (header + size) - (size - rest if rest else 0)]

    def _number(self, table: Bytes, batch: _Batch) -> None:
        """Identifications, sequence numbers and flags."""
        index = np.arange(batch.first, batch.first + len(table), dtype=np.uint32)
        if self._is_ipv4:
            _store(table, self._l3 + 4, (index + self._identification).astype(">u2"))
        if self._protocol != PROTOCOL_TCP:
            return
        sequence = index * np.uint32(batch.segment_bytes) + np.uint32(self._sequence)
        _store(table, self._l4 + 4, sequence.astype(">u4"))
        flags = table[:, self._l4 + 13]
        if batch.is_last:
            flags[:-1] &= 0xFF ^ _FLAGS_OF_LAST
        else:
            flags &= 0xFF ^ _FLAGS_OF_LAST
        flags[0 if batch.first else 1 :] &= 0xFF ^ _TCP_CWR

    def _set_lengths(self, table: Bytes, end: int) -> None:
        if self._is_ipv4:
            table[:, self._l3 + 2 : self._l3 + 4] = _word(end - self._l3)
        else:
            table[:, self._l3 + 4 : self._l3 + 6] = _word(end - self._l3 - 40)
        if self._protocol != PROTOCOL_TCP:
            table[:, self._l4 + 4 : self._l4 + 6] = _word(end - self._l4)

    def _sum(self, table: Bytes, count: int, rest: int) -> None:
        if self._is_ipv4:
            table[:, self._l3 + 10 : self._l3 + 12] = 0
            words = row_words(table[:, self._l3 : self._l4])
            _store(table, self._l3 + 10, _complement(words.sum(axis=1, dtype=np.uint32)))
        table[:, self._checksum : self._checksum + 2] = 0
        sums = row_words(table[:, self._l4 :]).sum(axis=1, dtype=np.uint32)
        length = table.shape[1] - self._l4
        lengths = np.full(count, length, np.uint32)
        if rest:
            lengths[-1] = len(self._bytes) + rest - self._l4
        # The length and the protocol are numbers: as words they have the network's byte order.
        pseudo = (lengths + self._protocol).astype(">u2").view("=u2")
        checksums = _complement(sums + pseudo + np.uint32(self._ends_sum))
        checksums[checksums == 0] = 0xFFFF  # RFC 768; for TCP both zeros are equal
        _store(table, self._checksum, checksums)


def row_words(table: Bytes) -> NDArray[np.uint16]:
    """The rows as the machine's 16-bit words; rows of odd length are padded with a zero."""
    count, width = table.shape
    if width & 1 or table.strides[0] & 1:
        padded = np.zeros((count, width + (width & 1)), np.uint8)
        padded[:, :width] = table
        table = padded
    return table.view("=u2")


def fold(sums: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """32-bit sums as ones' complement sums of 16 bits."""
    sums = (sums & 0xFFFF) + (sums >> 16)
    return (sums & 0xFFFF) + (sums >> 16)


def _complement(sums: NDArray[np.uint32]) -> NDArray[np.uint16]:
    return (fold(sums) ^ 0xFFFF).astype("=u2")


def _store(table: Bytes, at: int, values: NDArray[np.generic]) -> None:
    """Write one number into each row."""
    width = values.itemsize
    table[:, at : at + width] = values.view(np.uint8).reshape(len(table), width)


def _word(number: int) -> Bytes:
    return np.frombuffer(number.to_bytes(2, "big"), np.uint8)


def whole_frames(batch: Buffer, width: int) -> Iterator[memoryview]:
    """The frames of a batch, one by one, for a wire that takes no batches."""
    view = memoryview(batch)
    for at in range(0, len(view), width):
        yield view[at : at + width]
