"""Exec and attach for SPDY clients: one SPDY stream for each of the command's streams."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import TYPE_CHECKING, Any

from controlplane.api.streams.channels import encode_status_body, parse_resize
from controlplane.api.streams.spdy.frames import (
    Data,
    Frame,
    FrameReader,
    FrameWriter,
    Ping,
    Reset,
    SpdyError,
    SynStream,
    encode_data,
    encode_goaway,
    encode_ping,
)
from controlplane.rpc.agent_types import Stdin, StdinClosed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from controlplane.api.streams.spdy.upgrade import RawConnection
    from controlplane.rpc.agent_types import ExecInput, Output

PROTOCOL = "v4.channel.k8s.io"
STREAM_TYPE = "streamtype"
OPEN_TIMEOUT_S = 30.0
_CLOSE_TIMEOUT_S = 2.0
_MAX_STREAMS = 16
_MAX_DATA_BYTES = 32 * 1024
_MAX_RESIZE_BYTES = 4096


class SpdyConnection:
    """A client that speaks `v4.channel.k8s.io` over SPDY/3.1."""

    def __init__(self, raw: RawConnection) -> None:
        self._raw = raw
        self._frames = FrameReader()
        self._writer = FrameWriter()
        self._streams: dict[str, int] = {}
        self._types: dict[int, str] = {}
        self._inputs: deque[ExecInput] = deque()
        self._resize = b""

    async def open(self, wanted: Iterable[str]) -> bool:
        """Waits until the client has opened these streams; False when it does not."""
        missing = set(wanted)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(OPEN_TIMEOUT_S):
                while not missing <= self._streams.keys():
                    if not await self._advance():
                        return False
                return True
        return False

    async def receive(self) -> ExecInput | None:
        while not self._inputs:
            if not await self._advance():
                return None
        return self._inputs.popleft()

    async def send(self, output: Output) -> None:
        stream = self._streams.get(output.stream)
        if stream is None:
            return
        for start in range(0, len(output.data), _MAX_DATA_BYTES):
            part = output.data[start : start + _MAX_DATA_BYTES]
            await self._raw.write(encode_data(stream, part))

    async def finish(self, status: dict[str, Any]) -> None:
        """Ends all streams; the last word is the Status on the error stream."""
        for name in ("stdout", "stderr"):
            if name in self._streams:
                await self._raw.write(encode_data(self._streams[name], b"", fin=True))
        if "error" in self._streams:
            body = encode_status_body(status)
            await self._raw.write(encode_data(self._streams["error"], body, fin=True))
        await self._raw.write(encode_goaway(max(self._types, default=0)))
        # Closing at once could overtake what was just sent.
        with contextlib.suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                while await self._advance():
                    self._inputs.clear()

    async def _advance(self) -> bool:
        """Handles what arrives next; False when the client is gone or speaks no SPDY."""
        try:
            data = await self._raw.read()
            for frame in self._frames.feed(data):
                await self._handle(frame)
        except (SpdyError, ConnectionError):
            return False
        return bool(data)

    async def _handle(self, frame: Frame) -> None:
        match frame:
            case SynStream():
                await self._accept(frame)
            case Ping(ping_id):
                await self._raw.write(encode_ping(ping_id))
            case Data(stream_id, data, fin):
                self._take(self._types.get(stream_id, ""), data, fin=fin)
            case Reset(stream_id):
                self._take(self._types.get(stream_id, ""), b"", fin=True)

    async def _accept(self, frame: SynStream) -> None:
        if len(self._types) >= _MAX_STREAMS or frame.stream_id in self._types:
            raise SpdyError("too many streams, or one was opened twice")
        name = frame.headers.get(STREAM_TYPE, "")
        self._types[frame.stream_id] = name
        self._streams.setdefault(name, frame.stream_id)
        await self._raw.write(self._writer.syn_reply(frame.stream_id))

    def _take(self, name: str, data: bytes, *, fin: bool) -> None:
        if name == "stdin":
            if data:
                self._inputs.append(Stdin(data))
            if fin:
                self._inputs.append(StdinClosed())
        elif name == "resize":
            *lines, rest = (self._resize + data).split(b"\n")
            self._resize = rest[-_MAX_RESIZE_BYTES:]
            sizes = (parse_resize(line) for line in lines)
            self._inputs.extend(size for size in sizes if size is not None)
