"""SPDY/3.1 frames: bytes to values and back. Pure, but for the state of header compression."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from controlplane.api.streams.spdy.dictionary import DICTIONARY
from netcore.model.errors import KubehopError

if TYPE_CHECKING:
    from collections.abc import Mapping

Headers = dict[str, str]

VERSION: Final = 3
MAX_FRAME_BYTES: Final = 1 << 20
MAX_HEADER_BLOCK_BYTES: Final = 64 * 1024
FLAG_FIN: Final = 1

_SYN_STREAM, _SYN_REPLY, _RST_STREAM, _PING, _GOAWAY, _HEADERS = 1, 2, 3, 6, 7, 8
_CONTROL_BIT: Final = 0x80
_STREAM_MASK: Final = 0x7FFF_FFFF


class SpdyError(KubehopError):
    """The peer sent bytes that are no SPDY/3.1, or more than is allowed."""


@dataclass(frozen=True, slots=True)
class SynStream:
    """The peer opens a stream."""

    stream_id: int
    headers: Headers
    fin: bool = False


@dataclass(frozen=True, slots=True)
class Data:
    """Bytes of a stream; `fin`: its sender will send no more."""

    stream_id: int
    data: bytes
    fin: bool = False


@dataclass(frozen=True, slots=True)
class Reset:
    """The peer gives a stream up."""

    stream_id: int


@dataclass(frozen=True, slots=True)
class Ping:
    """To be sent back as it is."""

    ping_id: int


@dataclass(frozen=True, slots=True)
class GoAway:
    """The peer will open no more streams."""


Frame = SynStream | Data | Reset | Ping | GoAway


class FrameReader:
    """Cuts what arrives into frames, however it was cut on its way."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        # One compression context for all header blocks of a connection.
        self._inflate = zlib.decompressobj(zdict=DICTIONARY)

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that are complete now. Raises SpdyError; the connection is then useless.

        Settings, window updates and unknown control frames are passed over: as Kubernetes'
        own implementation, this one leaves flow control to TCP.
        """
        self._buffer += data
        frames = []
        while (frame_bytes := self._next()) is not None:
            frame = self._parse(*frame_bytes)
            if frame is not None:
                frames.append(frame)
        return frames

    def _next(self) -> tuple[bytes, bytes] | None:
        if len(self._buffer) < 8:
            return None
        length = int.from_bytes(self._buffer[5:8], "big")
        if length > MAX_FRAME_BYTES:
            raise SpdyError(f"a frame of {length} bytes: at most {MAX_FRAME_BYTES} are taken")
        if len(self._buffer) < 8 + length:
            return None
        head, payload = bytes(self._buffer[:8]), bytes(self._buffer[8 : 8 + length])
        del self._buffer[: 8 + length]
        return head, payload

    def _parse(self, head: bytes, payload: bytes) -> Frame | None:
        fin = bool(head[4] & FLAG_FIN)
        if not head[0] & _CONTROL_BIT:
            return Data(int.from_bytes(head[:4], "big"), payload, fin)
        version, kind = int.from_bytes(head[:2], "big") & 0x7FFF, int.from_bytes(head[2:4], "big")
        if version != VERSION:
            raise SpdyError(f"SPDY version {version}: only {VERSION} is spoken")
        if kind == _SYN_STREAM:
            return SynStream(_number(payload, 0), self._headers(payload[10:]), fin)
        if kind in (_SYN_REPLY, _HEADERS):
            self._headers(payload[4:])
        if kind == _RST_STREAM:
            return Reset(_number(payload, 0))
        if kind == _PING:
            return Ping(_number(payload, 0, mask=0xFFFF_FFFF))
        return GoAway() if kind == _GOAWAY else None

    def _headers(self, block: bytes) -> Headers:
        try:
            plain = self._inflate.decompress(block, MAX_HEADER_BLOCK_BYTES)
        except zlib.error as error:
            raise SpdyError(f"a header block cannot be decompressed: {error}") from error
        if self._inflate.unconsumed_tail:
            raise SpdyError(f"a header block of more than {MAX_HEADER_BLOCK_BYTES} bytes")
        return parse_header_block(plain)


def _number(payload: bytes, offset: int, mask: int = _STREAM_MASK) -> int:
    if len(payload) < offset + 4:
        raise SpdyError("a control frame is shorter than its fields")
    return int.from_bytes(payload[offset : offset + 4], "big") & mask


def parse_header_block(plain: bytes) -> Headers:
    """Names in lower case and their values. Raises SpdyError when lengths do not fit."""
    count = _number(plain, 0)
    offset, headers = 4, {}
    for _ in range(count):
        name, offset = _string(plain, offset)
        value, offset = _string(plain, offset)
        headers[name.lower()] = value
    return headers


def _string(plain: bytes, offset: int) -> tuple[str, int]:
    length = _number(plain, offset)
    end = offset + 4 + length
    if end > len(plain):
        raise SpdyError("a header is longer than its block")
    return plain[offset + 4 : end].decode("latin-1"), end


class FrameWriter:
    """Encodes frames for one connection."""

    def __init__(self) -> None:
        self._deflate = zlib.compressobj(zdict=DICTIONARY)

    def syn_stream(self, stream_id: int, headers: Mapping[str, str], *, fin: bool = False) -> bytes:
        """Opens a stream of priority 0."""
        payload = struct.pack(">IIBB", stream_id, 0, 0, 0) + self._block(headers)
        return _control(_SYN_STREAM, payload, FLAG_FIN if fin else 0)

    def syn_reply(self, stream_id: int, headers: Mapping[str, str] | None = None) -> bytes:
        """Accepts the peer's stream."""
        return _control(_SYN_REPLY, struct.pack(">I", stream_id) + self._block(headers or {}))

    def _block(self, headers: Mapping[str, str]) -> bytes:
        plain = struct.pack(">I", len(headers))
        for text in (part for pair in headers.items() for part in pair):
            encoded = text.encode("latin-1")
            plain += struct.pack(">I", len(encoded)) + encoded
        return self._deflate.compress(plain) + self._deflate.flush(zlib.Z_SYNC_FLUSH)


def encode_data(stream_id: int, data: bytes, *, fin: bool = False) -> bytes:
    """A data frame; at most MAX_FRAME_BYTES at once."""
    assert len(data) <= MAX_FRAME_BYTES
    flags = FLAG_FIN if fin else 0
    return struct.pack(">II", stream_id & _STREAM_MASK, flags << 24 | len(data)) + data


def encode_ping(ping_id: int) -> bytes:
    """The answer to a ping, which is the ping."""
    return _control(_PING, struct.pack(">I", ping_id))


def encode_goaway(last_stream_id: int) -> bytes:
    """The orderly end of a connection."""
    return _control(_GOAWAY, struct.pack(">II", last_stream_id, 0))


def _control(kind: int, payload: bytes, flags: int = 0) -> bytes:
    head = struct.pack(">HHI", 0x8000 | VERSION, kind, flags << 24 | len(payload))
    return head + payload
