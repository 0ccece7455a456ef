"""A resolver on a loopback port, over UDP and TCP, that answers as it is told."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from dnslib import QTYPE, RR, A, DNSRecord

Script = Callable[[bytes], list[bytes]]


def answer(request: bytes) -> list[bytes]:
    """One A record for whatever is asked."""
    reply = DNSRecord.parse(request).reply(ra=1, aa=0)
    reply.add_answer(RR(reply.q.qname, QTYPE.A, ttl=60, rdata=A("192.0.2.7")))
    return [bytes(reply.pack())]


class Upstream(asyncio.DatagramProtocol):
    """`script` makes the replies to a request; `transports` lists how requests came."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.transports: list[str] = []
        self.requests: list[bytes] = []
        self.port = 0

    def connection_made(self, transport) -> None:
        self._transport = transport

    def datagram_received(self, data, addr) -> None:
        for reply in self._replies("udp", data):
            self._transport.sendto(reply, addr)

    def _replies(self, transport: str, request: bytes) -> list[bytes]:
        self.transports.append(transport)
        self.requests.append(request)
        return self.script(request)

    async def converse(self, reader, writer) -> None:
        try:
            while True:
                length = int.from_bytes(await reader.readexactly(2), "big")
                for reply in self._replies("tcp", await reader.readexactly(length)):
                    writer.write(len(reply).to_bytes(2, "big") + reply)
        except (EOFError, OSError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def running_upstream(script: Script = answer) -> AsyncIterator[Upstream]:
    upstream = Upstream(script)
    server = await asyncio.start_server(upstream.converse, "127.0.0.1", 0)
    upstream.port = server.sockets[0].getsockname()[1]
    endpoint, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: upstream, local_addr=("127.0.0.1", upstream.port)
    )
    try:
        yield upstream
    finally:
        endpoint.close()
        server.close()
        await server.wait_closed()
