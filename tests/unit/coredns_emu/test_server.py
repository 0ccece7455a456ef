"""The server over loopback, with raw bytes."""

import asyncio
import socket
from contextlib import asynccontextmanager, suppress

import pytest

from coredns_emu import server
from coredns_emu.reply import Reply
from coredns_emu.responder import Responder
from coredns_emu.server import TcpServer, UdpServer
from coredns_emu.sockets import ListenAddress, open_tcp, open_udp
from netcore.dns.records import Rcode
from tests.support.dns_wire import question

LOOPBACK = ListenAddress("127.0.0.1", 0)
REQUEST = question("a.b")
REFUSED = b"\x12\x34\x81\x05\x00\x01" + bytes(6) + REQUEST[12:]


def refuse(_query) -> Reply:
    return Reply(Rcode.REFUSED)


async def refuse_later(_query) -> Reply:
    await asyncio.sleep(0)
    return Reply(Rcode.REFUSED)


@asynccontextmanager
async def running(sock: socket.socket, service):
    """The address of `service` while it serves `sock`."""
    address = sock.getsockname()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(service.run())
        try:
            yield address
        finally:
            task.cancel()
    assert sock.fileno() == -1


@asynccontextmanager
async def udp_client(handler):
    sock = open_udp(LOOPBACK)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        async with running(sock, UdpServer(sock, Responder(handler))) as address:
            client.setblocking(False)
            client.connect(address)
            yield client


@asynccontextmanager
async def tcp_server(handler=refuse, **settings):
    sock = open_tcp(LOOPBACK)
    async with running(sock, TcpServer(sock, Responder(handler), **settings)) as address:
        yield address


def framed(message: bytes) -> bytes:
    return len(message).to_bytes(2, "big") + message


async def receive(client: socket.socket) -> bytes:
    return await asyncio.get_running_loop().sock_recv(client, 65535)


@pytest.mark.parametrize("handler", [refuse, refuse_later])
async def test_udp(handler):
    async with udp_client(handler) as client:
        client.send(REQUEST)
        assert await receive(client) == REFUSED


async def test_udp_answers_more_than_one_wake_up_takes():
    async with udp_client(refuse) as client:
        for _ in range(200):
            client.send(REQUEST)
        for _ in range(200):
            assert await receive(client) == REFUSED


async def test_udp_rubbish_is_passed_over():
    async with udp_client(refuse) as client:
        for rubbish in (b"", b"\0", REFUSED, b"\xff" * 600):
            client.send(rubbish)
        client.send(REQUEST)
        assert await receive(client) == REFUSED


async def test_udp_clients_that_are_gone():
    async with udp_client(refuse) as client:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
            gone.sendto(REQUEST, client.getpeername())
        client.send(REQUEST)
        assert await receive(client) == REFUSED


@pytest.mark.parametrize("handler", [refuse, refuse_later])
async def test_tcp(handler):
    async with tcp_server(handler) as address:
        reader, writer = await asyncio.open_connection(*address)
        writer.write(framed(REQUEST) * 3)
        for _ in range(3):
            assert await reader.readexactly(len(REFUSED) + 2) == framed(REFUSED)
        writer.close()


async def test_tcp_message_in_single_bytes():
    async with tcp_server() as address:
        reader, writer = await asyncio.open_connection(*address)
        for byte in framed(REQUEST):
            writer.write(bytes((byte,)))
            await writer.drain()
        assert await reader.readexactly(len(REFUSED) + 2) == framed(REFUSED)
        writer.close()


async def test_tcp_connections_that_say_nothing_are_closed(monkeypatch):
    monkeypatch.setattr(server, "_READ_TIMEOUT_S", 0.02)
    async with tcp_server() as address:
        reader, writer = await asyncio.open_connection(*address)
        assert await reader.read() == b""
        writer.close()


async def test_tcp_idle_connections_are_closed(monkeypatch):
    monkeypatch.setattr(server, "_IDLE_TIMEOUT_S", 0.02)
    async with tcp_server() as address:
        reader, writer = await asyncio.open_connection(*address)
        writer.write(framed(REQUEST))
        assert await reader.read() == framed(REFUSED)
        writer.close()


async def test_tcp_connections_above_the_limit_wait():
    async with tcp_server(max_connections=1) as address:
        _, first = await asyncio.open_connection(*address)
        reader, second = await asyncio.open_connection(*address)
        second.write(framed(REQUEST))
        with suppress(TimeoutError):
            async with asyncio.timeout(0.05):
                await reader.read(1)
                pytest.fail("the second connection was served")
        first.close()
        assert await reader.readexactly(len(REFUSED) + 2) == framed(REFUSED)
        second.close()


async def test_tcp_survives_broken_connections():
    async with tcp_server() as address:
        for rubbish in (b"", b"\xff", framed(b"x"), b"\xff\xff" + b"x" * 100):
            _, writer = await asyncio.open_connection(*address)
            writer.write(rubbish)
            writer.close()
        reader, writer = await asyncio.open_connection(*address)
        writer.write(framed(REQUEST))
        assert await reader.readexactly(len(REFUSED) + 2) == framed(REFUSED)
        writer.close()
