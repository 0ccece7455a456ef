"""The sockets of the server: datagrams and streams to a Responder and back."""

import asyncio
import logging
import socket
from collections.abc import Awaitable
from typing import Protocol

from coredns_emu.query import MAX_MESSAGE_BYTES, Client, Transport

log = logging.getLogger(__name__)

_DATAGRAMS_PER_WAKE_UP = 64
_MAX_CONNECTIONS = 1000
_READ_TIMEOUT_S = 3.0  # for a connection's first message
_IDLE_TIMEOUT_S = 10.0  # for those that follow
_WRITE_TIMEOUT_S = 5.0
_ACCEPT_PAUSE_S = 0.1


class Responder(Protocol):
    """See coredns_emu.responder."""

    def respond(
        self, wire: bytes, transport: Transport, client: Client
    ) -> bytes | Awaitable[bytes] | None: ...


class UdpServer:
    """Answers datagrams. Takes a bounded number per wake-up, so that timers stay on time."""

    def __init__(self, sock: socket.socket, responder: Responder) -> None:
        self._sock = sock
        self._responder = responder

    async def run(self) -> None:
        """Serve until cancelled, then close the socket."""
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as replies:
            loop.add_reader(self._sock, self._drain, replies)
            try:
                await loop.create_future()
            finally:
                loop.remove_reader(self._sock)
                self._sock.close()

    def _drain(self, replies: asyncio.TaskGroup) -> None:
        for _ in range(_DATAGRAMS_PER_WAKE_UP):
            try:
                wire, address = self._sock.recvfrom(MAX_MESSAGE_BYTES)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                log.debug("udp: %s", error)  # an ICMP error for an earlier reply
                continue
            result = self._responder.respond(wire, "udp", address[:2])
            if isinstance(result, bytes):
                self._send(result, address)
            elif result is not None:
                replies.create_task(self._send_later(result, address))

    async def _send_later(self, result: Awaitable[bytes], address: Client) -> None:
        self._send(await result, address)

    def _send(self, reply: bytes, address: Client) -> None:
        try:
            self._sock.sendto(reply, address)
        except OSError as error:
            # Datagrams may be lost: the client asks again.
            log.debug("udp: cannot reply to %s: %s", address[0], error)


class TcpServer:
    """Answers length-prefixed messages, one after the other on each connection.

    Above the connection limit new ones wait in the kernel's backlog.
    """

    def __init__(
        self, sock: socket.socket, responder: Responder, max_connections: int = _MAX_CONNECTIONS
    ) -> None:
        self._sock = sock
        self._responder = responder
        self._free = asyncio.Semaphore(max_connections)

    async def run(self) -> None:
        """Serve until cancelled, then close all connections and the socket."""
        try:
            async with asyncio.TaskGroup() as connections:
                while True:
                    await self._free.acquire()
                    connection, address = await self._accept()
                    connections.create_task(self._serve(connection, address))
        finally:
            self._sock.close()

    async def _accept(self) -> tuple[socket.socket, Client]:
        while True:
            try:
                connection, address = await asyncio.get_running_loop().sock_accept(self._sock)
                return connection, address[:2]
            except OSError as error:
                log.warning("tcp: cannot accept a connection: %s", error.strerror)
                await asyncio.sleep(_ACCEPT_PAUSE_S)

    async def _serve(self, connection: socket.socket, client: Client) -> None:
        writer = None
        try:
            reader, writer = await asyncio.open_connection(sock=connection)
            await self._converse(reader, writer, client)
        except (OSError, EOFError) as error:
            log.debug("tcp: connection of %s ends: %s", client[0], error)
        finally:
            self._free.release()
            if writer is not None:
                writer.close()

    async def _converse(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, client: Client
    ) -> None:
        timeout_s = _READ_TIMEOUT_S
        while True:
            async with asyncio.timeout(timeout_s):
                length = int.from_bytes(await reader.readexactly(2), "big")
                wire = await reader.readexactly(length)
            result = self._responder.respond(wire, "tcp", client)
            reply = result if isinstance(result, bytes) or result is None else await result
            if reply is not None:
                writer.write(len(reply).to_bytes(2, "big") + reply)
                async with asyncio.timeout(_WRITE_TIMEOUT_S):
                    await writer.drain()
            timeout_s = _IDLE_TIMEOUT_S
