"""Cutting super-packets into what a wire carries, many segments in one step (numpy).

Theory of operation: all segments of a super-packet are rows of one array. Their common header
is written to all rows at once, then the columns that differ: lengths, IP identification,
sequence number, flags. The ones' complement sum of a row does not depend on the byte order in
which its words are read (RFC 1071 section 2 B), so rows are summed as the machine's own words.
"""

import sys
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from netcore.packet.offload import TCP_CHECKSUM_OFFSET, UDP_CHECKSUM_OFFSET
from netcore.packet.protocols import PROTOCOL_TCP, TCP_FIN, TCP_PSH

Bytes = NDArray[np.uint8]

MAX_ROWS = 64  # UDP_MAX_SEGMENTS of older kernels
MAX_BYTES = 65_507  # of a UDP datagram over IPv4
_TCP_CWR = 0x80
_INDEX = np.arange(MAX_ROWS, dtype=np.int64)
_SWAP = 256 if sys.byteorder == "little" else 1


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
        template = _Template(
            self._prefix, bytes(frame[:header]), l4_offset, protocol, segment_bytes
        )
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
    """The header of every segment but the last, and what is to be changed in it.

    Sums are kept modulo 0xFFFF, where a 32-bit number counts as the two words that it is and
    the machine's byte order is a factor of 256 (netcore.packet.checksum has the theory).
    """

    def __init__(
        self, prefix: bytes, header: bytes, l4_offset: int, protocol: int, segment_bytes: int
    ) -> None:
        self._l3, self._l4 = len(prefix) + 14, len(prefix) + l4_offset
        self._is_ipv4 = header[14] >> 4 == 4
        self._is_tcp = protocol == PROTOCOL_TCP
        self._checksum = self._l4 + (TCP_CHECKSUM_OFFSET if self._is_tcp else UDP_CHECKSUM_OFFSET)
        made = bytearray(prefix + header)
        self._flags = made[self._l4 + 13] if self._is_tcp else 0
        _set_lengths(made, self._l3, self._l4, len(made) + segment_bytes, self._is_tcp)
        made[self._checksum : self._checksum + 2] = b"\0\0"
        ends = header[26:34] if self._is_ipv4 else header[22:54]
        self._ends = int.from_bytes(ends, "big") + protocol
        self._identification = self._sequence = 0
        if self._is_ipv4:
            self._identification = int.from_bytes(header[18:20], "big")
            made[self._l3 + 4 : self._l3 + 6] = made[self._l3 + 10 : self._l3 + 12] = b"\0\0"
        if self._is_tcp:
            self._sequence = int.from_bytes(header[l4_offset + 4 : l4_offset + 8], "big")
            made[self._l4 + 4 : self._l4 + 8] = b"\0\0\0\0"
            made[self._l4 + 13] = self._flags & ~(TCP_FIN | TCP_PSH | _TCP_CWR)
        self._bytes = np.frombuffer(bytes(made), np.uint8)
        self._made = made

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
            self._shorten(table[full], header + rest)
        if self._is_tcp:
            self._set_flags(table, batch)
        self._number(table, batch, header + rest if rest else 0)
        return scratch[: count * (header + size) - (size - rest if rest else 0)]

    def _shorten(self, last: Bytes, end: int) -> None:
        made = bytearray(self._made)
        _set_lengths(made, self._l3, self._l4, end, self._is_tcp)
        last[: len(made)] = np.frombuffer(made, np.uint8)

    def _set_flags(self, table: Bytes, batch: _Batch) -> None:
        at = self._l4 + 13
        if batch.first == 0:
            table[0, at] |= self._flags & _TCP_CWR
        if batch.is_last:
            table[-1, at] |= self._flags & (TCP_FIN | TCP_PSH)

    def _number(self, table: Bytes, batch: _Batch, last_end: int) -> None:
        """Identifications, sequence numbers, and with them the checksums."""
        index = _INDEX[: len(table)] + batch.first
        if self._is_ipv4:
            identifications = (index + self._identification) & 0xFFFF
            fixed = _header_sum(self._made[self._l3 : self._l4])
            checksums = (2 * 0xFFFF - fixed - identifications) % 0xFFFF
            _store(table, self._l3 + 4, identifications.astype(">u2"))
            if last_end:  # its length differs
                shorter = _word_at(table[-1], self._l3 + 2) - _word_at(self._bytes, self._l3 + 2)
                checksums[-1] = (int(checksums[-1]) - shorter) % 0xFFFF
            _store(table, self._l3 + 10, checksums.astype(">u2"))
        # As words of this machine; what is not in the table yet counts as numbers.
        words = row_words(table[:, self._l4 :])
        sums = words.sum(axis=1, dtype=np.uint32).astype(np.int64) % 0xFFFF * _SWAP
        length = table.shape[1] - self._l4
        sums += (self._ends + length) % 0xFFFF
        if last_end:
            sums[-1] += (last_end - self._l4 - length) % 0xFFFF
        if self._is_tcp:
            sequences = index * batch.segment_bytes + self._sequence & 0xFFFFFFFF
            _store(table, self._l4 + 4, sequences.astype(">u4"))
            sums += sequences % 0xFFFF
        checksums = 0xFFFF - sums % 0xFFFF  # never 0, which would say "none" to UDP (RFC 768)
        _store(table, self._checksum, checksums.astype(">u2"))


def _set_lengths(header: bytearray, l3: int, l4: int, end: int, is_tcp: bool) -> None:
    if header[l3] >> 4 == 4:
        header[l3 + 2 : l3 + 4] = (end - l3).to_bytes(2, "big")
    else:
        header[l3 + 4 : l3 + 6] = (end - l3 - 40).to_bytes(2, "big")
    if not is_tcp:
        header[l4 + 4 : l4 + 6] = (end - l4).to_bytes(2, "big")


def _header_sum(header: bytearray) -> int:
    return int.from_bytes(header, "big") % 0xFFFF


def _word_at(row: Bytes, at: int) -> int:
    return int(row[at]) << 8 | int(row[at + 1])


def row_words(table: Bytes) -> NDArray[np.uint16]:
    """The rows as the machine's 16-bit words; rows of odd length are padded with a zero."""
    count, width = table.shape
    if width & 1 or table.strides[0] & 1:
        padded = np.zeros((count, width + (width & 1)), np.uint8)
        padded[:, :width] = table
        table = padded
    return table.view("=u2")


def _store(table: Bytes, at: int, values: NDArray[np.generic]) -> None:
    """Write one number into each row."""
    width = values.itemsize
    table[:, at : at + width] = values.view(np.uint8).reshape(len(table), width)
