"""Targets and clients on loopback, in bytes where it matters what is sent."""

import asyncio
from contextlib import asynccontextmanager, suppress
from ipaddress import ip_address
from socket import socket

from cloudlb.application.listeners import Listeners
from cloudlb.application.proxy import HttpProxy
from cloudlb.application.targets import Target, TargetGroup

LOOPBACK = ip_address("127.0.0.1")


def free_port():
    """Where nobody listens."""
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def group(*ports, sources=()):
    return TargetGroup(tuple(Target(LOOPBACK, port) for port in ports), sources)


class RawTarget:
    """Gives each connection the next of its answers, and keeps what it was asked.

    An answer that is None closes the connection without a word. The last one is given again.
    """

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []
        self.gone = asyncio.Event()

    async def handle(self, reader, writer):
        try:
            self.asked.append(await self._request(reader))
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            if answer is not None:
                writer.write(answer)
                await writer.drain()
        finally:
            writer.close()
            self.gone.set()

    async def _request(self, reader):
        head = await reader.readuntil(b"\r\n\r\n")
        lower = head.lower()
        if b"content-length: " in lower:
            size = int(lower.partition(b"content-length: ")[2].partition(b"\r\n")[0])
            return head + await reader.readexactly(size)
        if b"transfer-encoding: chunked" in lower:
            return head + await reader.readuntil(b"0\r\n\r\n")
        return head


@asynccontextmanager
async def target(*answers, handler=None):
    """A RawTarget and its port."""
    made = RawTarget(*answers)
    server = await asyncio.start_server(handler or made.handle, "127.0.0.1", 0)
    try:
        yield made, server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


@asynccontextmanager
async def proxy(choose):
    """The port at which a proxy listens."""
    http = HttpProxy()
    await http.start()
    listeners = Listeners(http)
    port = free_port()
    assert await listeners.use({(LOOPBACK, port): choose})
    try:
        yield port
    finally:
        await listeners.close()
        await http.close()


@asynccontextmanager
async def connected(port, address="127.0.0.1"):
    """A reader and a writer; too long a wait is an error."""
    async with asyncio.timeout(10):
        reader, writer = await asyncio.open_connection(address, port)
        try:
            yield reader, writer
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


async def exchange(port, request, address="127.0.0.1"):
    """All bytes that come back until the proxy closes the connection."""
    async with connected(port, address) as (reader, writer):
        writer.write(request)
        await writer.drain()
        return await reader.read()


def get(path="/", *fields, method="GET", body=b"", version="1.1"):
    """A request after which the connection is closed."""
    lines = [f"{method} {path} HTTP/{version}", "Host: web.example", *fields, "Connection: close"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def split(answer):
    """Status line, the fields in lower case and in order, body."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    fields = [tuple(line.split(": ", 1)) for line in lines]
    return status, [(name.lower(), value) for name, value in fields], body
