"""What answers in a namespace: `python -m tests.support.netns_server NAME TCP-PORT UDP-PORT`.

HTTP: `/` gives NAME and the client's address, `/bytes/N` N bytes that follow from N, once and
then the connection ends. UDP: NAME and the client's address, and behind a space what was sent,
if that was more than 1,000 bytes. Ends with its standard input.
"""

import asyncio
import hashlib
import sys
from typing import cast

BLOCK = bytes(range(256)) * 256


def digest(count: int) -> str:
    """SHA-256 of what `/bytes/<count>` gives."""
    found = hashlib.sha256()
    for size in _sizes(count):
        found.update(BLOCK[:size])
    return found.hexdigest()


def _sizes(count: int) -> list[int]:
    return [min(len(BLOCK), count - done) for done in range(0, count, len(BLOCK))]


class Datagrams(asyncio.DatagramProtocol):
    def __init__(self, name: str) -> None:
        self.name = name

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = f"{self.name} {_plain(addr[0])}".encode()
        self.transport.sendto(answer + (b" " + data if len(data) > 1000 else b""), addr)


def _plain(address: str) -> str:
    return address.removeprefix("::ffff:")


async def serve(name: str, tcp_port: int, udp_port: int) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
        if request.startswith("/bytes/"):
            count = int(request.rpartition("/")[2])
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % count)
            for size in _sizes(count):
                writer.write(BLOCK[:size])
                await writer.drain()
        else:
            body = f"{name} {_plain(writer.get_extra_info('peername')[0])}".encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    loop = asyncio.get_running_loop()
    await asyncio.start_server(answer, "::", tcp_port)
    await asyncio.start_server(answer, "0.0.0.0", tcp_port)
    await loop.create_datagram_endpoint(lambda: Datagrams(name), ("::", udp_port))
    print("serving", flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
