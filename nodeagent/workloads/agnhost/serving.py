"""What agnhost's servers share: UDP and TCP edges and waiting for SIGTERM."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

from nodeagent.workloads import start_notice

DatagramAnswer = Callable[[bytes, str], bytes | None]
"""The answer to a datagram from `ADDRESS:PORT`, or None for silence."""


class DatagramServer(asyncio.DatagramProtocol):
    """Answers each datagram from the address that it was sent to."""

    def __init__(self, answer: DatagramAnswer) -> None:
        self._answer = answer
        self._transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        host = addr[0].removeprefix("::ffff:")
        peer = f"[{host}]:{addr[1]}" if ":" in host else f"{host}:{addr[1]}"
        answer = self._answer(data, peer)
        if answer is not None:
            self._transport.sendto(answer, addr)


@contextlib.asynccontextmanager
async def serve_udp(answer: DatagramAnswer, port: int) -> AsyncIterator[None]:
    loop = asyncio.get_running_loop()
    try:
        transport, _protocol = await loop.create_datagram_endpoint(
            lambda: DatagramServer(answer), local_addr=("0.0.0.0", port)
        )
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise OSError(error.errno, f"listen udp 0.0.0.0:{port}: {reason}") from error
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
