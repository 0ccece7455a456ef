"""What agnhost's servers share: UDP and TCP edges and waiting for SIGTERM."""

import asyncio
import contextlib
import errno
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

from nodeagent.workloads import start_notice

DatagramAnswer = Callable[[bytes, str], bytes | None]
"""The answer to a datagram from `ADDRESS:PORT`, or None for silence."""


def peer_name(address: tuple[Any, ...]) -> str:
    """`ADDRESS:PORT`; of an IPv4 peer at a socket for both families, too."""
    host = address[0].removeprefix("::ffff:")
    return f"[{host}]:{address[1]}" if ":" in host else f"{host}:{address[1]}"


class DatagramServer(asyncio.DatagramProtocol):
    """Answers each datagram from the address that it was sent to."""

    def __init__(self, answer: DatagramAnswer) -> None:
        self._answer = answer
        self._transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        answer = self._answer(data, peer_name(addr))
        if answer is not None:
            self._transport.sendto(answer, addr)


def bound_everywhere(port: int, kind: socket.SocketKind, protocol: int = 0) -> socket.socket:
    """A socket at all addresses of both IP families, or of IPv4 where there is no other."""
    for family, address in ((socket.AF_INET6, "::"), (socket.AF_INET, "0.0.0.0")):
        try:
            sock = socket.socket(family, kind, protocol)
        except OSError:
            if family is socket.AF_INET:
                raise
            continue
        try:
            if family is socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            sock.bind((address, port))
        except OSError as error:
            sock.close()
            if family is socket.AF_INET or error.errno != errno.EADDRNOTAVAIL:
                raise
            continue
        break
    return sock


@contextlib.asynccontextmanager
async def serve_udp(answer: DatagramAnswer, port: int) -> AsyncIterator[None]:
    """Answers datagrams to any address. Raises OSError naming the port."""
    loop = asyncio.get_running_loop()
    try:
        sock = bound_everywhere(port, socket.SOCK_DGRAM)
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise OSError(error.errno, f"listen udp :{port}: {reason}") from error
    sock.setblocking(False)
    transport, _protocol = await loop.create_datagram_endpoint(
        lambda: DatagramServer(answer), sock=sock
    )
    try:
        yield
    finally:
        transport.close()


async def termination() -> None:
    """Returns at the first SIGTERM or SIGINT. To be awaited once everything listens."""
    received = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, received.set)
    start_notice.give()
    await received.wait()
