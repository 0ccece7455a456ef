"""Listening sockets follow what shall be served."""

import asyncio

import pytest

from cloudlb.application.listeners import Listeners
from cloudlb.application.proxy import HttpProxy
from tests.unit.cloudlb.application.support import (
    LOOPBACK,
    connected,
    exchange,
    free_port,
    get,
    group,
)
from tests.unit.cloudlb.objects import ips


@pytest.fixture
async def listeners():
    http = HttpProxy()
    await http.start()
    made = Listeners(http)
    yield made
    await made.close()
    await http.close()


def nobody(host, path):
    return None


def unhealthy(host, path):
    return group()


async def status(port):
    return int((await exchange(port, get())).split()[1])


async def test_they_come_change_and_go(listeners):
    one, two = free_port(), free_port()
    assert await listeners.use({(LOOPBACK, one): nobody})
    assert await status(one) == 404
    assert await listeners.use({(LOOPBACK, one): unhealthy, (LOOPBACK, two): nobody})
    assert (await status(one), await status(two)) == (503, 404)
    assert await listeners.use({(LOOPBACK, two): nobody})
    with pytest.raises(ConnectionRefusedError):
        await status(one)
    assert await status(two) == 404


async def test_a_connection_stays_while_its_rules_change(listeners):
    port = free_port()
    await listeners.use({(LOOPBACK, port): nobody})
    async with connected(port) as (reader, writer):
        for choose, expected in ((nobody, b" 404 "), (unhealthy, b" 503 ")):
            await listeners.use({(LOOPBACK, port): choose})
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            head = await reader.readuntil(b"\r\n\r\n")
            assert expected in head
            size = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            await reader.readexactly(size)


async def test_what_cannot_be_served_is_told_and_tried_again(listeners, caplog):
    port, good = free_port(), free_port()
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", port)
    choices = {(LOOPBACK, port): nobody, (LOOPBACK, good): nobody}
    assert not await listeners.use(choices)
    assert f"cannot listen at 127.0.0.1 port {port}: " in caplog.text
    assert await status(good) == 404
    server.close()
    await server.wait_closed()
    assert await listeners.use(choices)
    assert await status(port) == 404


async def test_an_address_that_is_not_there(listeners):
    (absent,) = ips("192.0.2.1")
    assert not await listeners.use({(absent, free_port()): nobody})


async def test_both_families(listeners):
    six = ips("::1")[0]
    port = free_port()
    assert await listeners.use({(LOOPBACK, port): nobody, (six, port): unhealthy})
    assert await status(port) == 404
    assert b" 503 " in await exchange(port, get(), "::1")


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\x16\x03\x01\x02\x00\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0",
    ],
)
async def test_what_is_no_http_is_refused_in_one_line(listeners, caplog, nonsense):
    caplog.set_level("INFO")
    port = free_port()
    await listeners.use({(LOOPBACK, port): nobody})
    answer = await exchange(port, nonsense)
    assert answer.split()[1] == b"400"
    assert b"\r\n\r\ncloudlb: " in answer
    assert "request from 127.0.0.1: " in caplog.text
    assert not [record for record in caplog.records if record.exc_info]
