"""One question to one upstream, over UDP or TCP."""

import asyncio
from typing import Any

from coredns_emu.plugins.forward.upstreams import Upstream
from coredns_emu.query import HEADER, Transport

_ID_BYTES = 2


async def exchange(upstream: Upstream, request: bytes, transport: Transport) -> bytes:
    """The reply that belongs to `request`, by its ID and question.

    Every exchange has a socket of its own, hence a source port that cannot be guessed. Raises
    OSError or EOFError; waits for ever when nothing comes.
    """
    if transport == "tcp":
        return await _exchange_tcp(upstream, request)
    return await _exchange_udp(upstream, request)


async def _exchange_udp(upstream: Upstream, request: bytes) -> bytes:
    loop = asyncio.get_running_loop()
    future: asyncio.Future[bytes] = loop.create_future()
    endpoint, _ = await loop.create_datagram_endpoint(
        lambda: _Exchange(request, future), remote_addr=(upstream.host, upstream.port)
    )
    try:
        return await future
    finally:
        endpoint.close()


async def _exchange_tcp(upstream: Upstream, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(upstream.host, upstream.port)
    try:
        writer.write(len(request).to_bytes(2, "big") + request)
        await writer.drain()
        while True:
            length = int.from_bytes(await reader.readexactly(2), "big")
            reply = await reader.readexactly(length)
            if _belongs(reply, request):
                return reply
    finally:
        writer.close()


class _Exchange(asyncio.DatagramProtocol):
    def __init__(self, request: bytes, future: asyncio.Future[bytes]) -> None:
        self._request = request
        self._future = future

    def connection_made(self, transport: Any) -> None:
        transport.sendto(self._request)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if not self._future.done() and _belongs(data, self._request):
            self._future.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self._future.done():
            self._future.set_exception(exc)


def _belongs(reply: bytes, request: bytes) -> bool:
    """Whether `reply` has the ID and, where it repeats one, the question of `request`."""
    if len(reply) < HEADER.size or reply[:_ID_BYTES] != request[:_ID_BYTES] or not reply[2] & 0x80:
        return False
    if reply[4:6] == b"\0\0":
        return True
    end = HEADER.size
    while request[end]:
        end += 1 + request[end]
    end += 5
    return reply[HEADER.size : end].lower() == request[HEADER.size : end].lower()
