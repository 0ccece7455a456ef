"""A small SPDY/3.1 client, as client-go's executor behaves."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from controlplane.api.streams.spdy.frames import Data, Frame, FrameReader, FrameWriter, encode_data

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class SpdyClient:
    """Streams of a connection that was upgraded."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self.writer = reader, writer
        self._frames, self._encoder = FrameReader(), FrameWriter()
        self._next_id = 1
        self.streams: dict[str, int] = {}

    def open(self, *types: str) -> None:
        """Opens one stream of each type."""
        for name in types:
            headers = {"streamType": name}
            self.writer.write(self._encoder.syn_stream(self._next_id, headers))
            self.streams[name] = self._next_id
            self._next_id += 2

    def write(self, stream: str, data: bytes, *, fin: bool = False) -> None:
        """Sends data on a stream."""
        self.writer.write(encode_data(self.streams[stream], data, fin=fin))

    async def frames(self) -> AsyncIterator[Frame]:
        """What the server sends, until it closes."""
        while data := await self._reader.read(65536):
            for frame in self._frames.feed(data):
                yield frame

    async def collect(self) -> dict[str, bytes]:
        """All data by stream type, until the server closes."""
        names = {number: name for name, number in self.streams.items()}
        found = dict.fromkeys(self.streams, b"")
        async with asyncio.timeout(10):
            async for frame in self.frames():
                if isinstance(frame, Data):
                    found[names[frame.stream_id]] += frame.data
                    if names[frame.stream_id] == "error" and frame.fin:
                        self.writer.close()
        return found


@asynccontextmanager
async def upgrade(
    host: str, port: int, path: str, protocol: str = "v4.channel.k8s.io"
) -> AsyncIterator[tuple[str, SpdyClient]]:
    """The head of the answer, and the connection."""
    reader, writer = await asyncio.open_connection(host, port)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nConnection: Upgrade\r\n"
        f"Upgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: {protocol}\r\n\r\n"
    )
    writer.write(head.encode())
    try:
        answer = await reader.readuntil(b"\r\n\r\n")
        yield answer.decode(), SpdyClient(reader, writer)
    finally:
        writer.close()
