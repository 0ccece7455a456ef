"""From an HTTP request to the raw connection under it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Mapping

_READ_BYTES = 64 * 1024


class UpgradedResponse(web.Response):
    """The answer of a handler that has already spoken on the raw connection."""

    def __init__(self) -> None:
        super().__init__(status=101)
        self.force_close()

    @property
    def prepared(self) -> bool:
        """True: nothing may be added to what went out."""
        return True

    async def prepare(self, request: web.BaseRequest) -> None:
        """Nothing is left to send."""

    async def write_eof(self, data: bytes = b"") -> None:
        """Nothing is left to send."""


class _RawProtocol(asyncio.Protocol):
    """Reads into a stream; the HTTP server learns of a lost connection as always."""

    def __init__(self, reader: asyncio.StreamReader, http: asyncio.BaseProtocol) -> None:
        self._reader = reader
        self._http = http
        self.writable = asyncio.Event()
        self.writable.set()

    def data_received(self, data: bytes) -> None:
        self._reader.feed_data(data)

    def eof_received(self) -> None:
        self._reader.feed_eof()

    def pause_writing(self) -> None:
        self.writable.clear()

    def resume_writing(self) -> None:
        self.writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._reader.feed_eof()
        self.writable.set()
        self._http.connection_lost(exc)


class RawConnection:
    """The bytes of a connection that was upgraded, and after that an HTTP connection to close."""

    def __init__(self, request: web.BaseRequest) -> None:
        """Takes the connection over. Raises ConnectionResetError when it is already gone."""
        transport = request.transport
        if transport is None:
            raise ConnectionResetError("the client closed the connection")
        self._transport = transport
        self._http = transport.get_protocol()
        self._reader = asyncio.StreamReader()
        self._reader.set_transport(transport)
        self._protocol = _RawProtocol(self._reader, self._http)
        self._transport.set_protocol(self._protocol)
        self._transport.resume_reading()

    async def switch_protocols(self, headers: Mapping[str, str]) -> None:
        """Answers 101 with these headers. Raises ConnectionError."""
        fields = [f"{name}: {value}" for name, value in headers.items()]
        head = "\r\n".join(["HTTP/1.1 101 Switching Protocols", *fields, "", ""])
        await self.write(head.encode())

    async def read(self) -> bytes:
        """What arrives next, empty when the client has closed."""
        return await self._reader.read(_READ_BYTES)

    async def write(self, data: bytes) -> None:
        """Sends, and waits while the client does not read. Raises ConnectionResetError."""
        if self._transport.is_closing():
            raise ConnectionResetError("the client closed the connection")
        self._transport.write(data)
        await self._protocol.writable.wait()

    def release(self) -> UpgradedResponse:
        """Gives the connection back to the HTTP server, which then closes it."""
        if not self._transport.is_closing():
            self._transport.set_protocol(self._http)
        return UpgradedResponse()
