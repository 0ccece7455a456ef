"""Clients that hang on, come in crowds or speak no HTTP: what happens to their connections."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from controlplane.api.errors import StatusError
from controlplane.api.http import body
from controlplane.api.http.connection import connection_server
from controlplane.api.http.encode import status_response

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
AT_ONCE_S = 0.05


async def answer(request):
    try:
        return web.Response(body=await body.read(request))
    except StatusError as error:
        return status_response(error)


@asynccontextmanager
async def listening(**limits):
    """A function that connects to a server with these limits."""
    loop = asyncio.get_running_loop()
    server = connection_server(answer, **limits)
    listener = await loop.create_server(server, "127.0.0.1", 0)
    writers = []

    async def connect(data=b""):
        reader, writer = await asyncio.open_connection(*listener.sockets[0].getsockname())
        writers.append(writer)
        writer.write(data)
        return reader

    try:
        async with asyncio.timeout(20):
            yield connect
    finally:
        for writer in writers:
            writer.close()
        listener.close()
        await server.shutdown(1)


async def reply(reader):
    """The code and the body of one response with a Content-Length."""
    head = await reader.readuntil(b"\r\n\r\n")
    fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
    return int(head.split()[1]), await reader.readexactly(int(fields[b"Content-Length"]))


@pytest.mark.parametrize("sent", [b"", REQUEST[:20], REQUEST[:-2]])
async def test_who_sends_no_whole_request_is_cut_off(sent):
    async with listening(first_request_s=AT_ONCE_S) as connect:
        reader = await connect(sent)
        assert await reader.read() == b""


async def test_the_deadline_is_for_the_first_request_alone():
    async with listening(first_request_s=0.5) as connect:
        talker = await connect(REQUEST)
        assert (await reply(talker))[0] == 200
        silent = await connect()
        assert await silent.read() == b""
        assert not talker.at_eof()


async def test_what_is_over_the_limit_is_closed_and_room_comes_back():
    async with listening(limit=1, first_request_s=0.5) as connect:
        first = await connect()
        assert await (await connect()).read() == b""
        assert await first.read() == b""
        assert (await reply(await connect(REQUEST)))[0] == 200


async def test_a_body_that_does_not_come_is_a_timeout(monkeypatch):
    monkeypatch.setattr(body, "READ_TIMEOUT_S", AT_ONCE_S)
    async with listening() as connect:
        reader = await connect(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab")
        code, text = await reply(reader)
        assert (code, json.loads(text)["reason"]) == (408, "Timeout")


async def test_a_body_that_is_not_gzip_is_refused():
    async with listening() as connect:
        head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\n"
        code, text = await reply(await connect(head + b"plain"))
        assert (code, json.loads(text)["reason"]) == (400, "BadRequest")


@pytest.mark.parametrize("nonsense", [b"\x16\x03\x01\x02\x00\r\n\r\n", b"GET / HTTP/x\r\n\r\n"])
async def test_what_is_no_http_is_answered_with_a_status(nonsense):
    async with listening() as connect:
        reader = await connect(nonsense)
        code, text = await reply(reader)
        assert (code, json.loads(text)["kind"]) == (400, "Status")
        assert await reader.read() == b""
