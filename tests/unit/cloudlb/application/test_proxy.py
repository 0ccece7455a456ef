"""What clients and targets see of the proxy, on loopback."""

import asyncio
import gzip

import pytest

from tests.unit.cloudlb.application.support import (
    connected,
    exchange,
    free_port,
    get,
    group,
    proxy,
    split,
    target,
)
from tests.unit.cloudlb.objects import ranges

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


def ok(*fields, body=b"ok", status="200 OK"):
    lines = [f"HTTP/1.1 {status}", *fields, "Connection: close"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def through(answer, request):
    """(what the client got, what the target was asked)"""
    async with (
        target(answer) as (made, port),
        proxy(lambda host, path: group(port)) as at,
    ):
        return split(await exchange(at, request)), made.asked[0].decode("latin-1")


async def refusal(choose, request=None):
    async with proxy(choose) as at:
        status, _, body = split(await exchange(at, request or get()))
        return int(status.split()[1]), body.decode()


async def test_who_sent_it_to_what_is_told_and_hop_by_hop_fields_are_not():
    fields = (
        "X-Forwarded-For: 1.2.3.4",
        "X-Forwarded-For: 5.6.7.8",
        "X-Forwarded-Proto: https",
        "Connection: x-private, keep-alive",
        "X-Private: 1",
        "Keep-Alive: 5",
        "TE: trailers",
        "Proxy-Authorization: secret",
        "X-Mine: a",
        "X-Mine: b",
    )
    _, asked = await through(OK, get("/", *fields))
    assert "Host: web.example\r\n" in asked
    assert "X-Forwarded-For: 1.2.3.4, 5.6.7.8, 127.0.0.1\r\n" in asked
    assert "X-Forwarded-Proto: http\r\n" in asked
    assert "X-Forwarded-Host: web.example\r\n" in asked
    assert "X-Forwarded-Port: " in asked
    assert "X-Mine: a\r\n" in asked
    assert "X-Mine: b\r\n" in asked
    for absent in ("private", "keep-alive:", "te:", "proxy-", "user-agent", "accept"):
        assert f"\r\n{absent}" not in asked.lower()


@pytest.mark.parametrize(
    "path", ["/a%2Fb/%7e%41?x=%2F&y=a+b&y=c", "/a/../b//c", "/%c3%a9", "/?", "/a%25b"]
)
async def test_path_and_query_go_on_as_they_came(path):
    _, asked = await through(OK, get(path))
    assert asked.split("\r\n")[0] in (f"GET {path} HTTP/1.1", f"GET {path.rstrip('?')} HTTP/1.1")


async def test_a_request_in_absolute_form():
    _, asked = await through(OK, get("http://web.example/a%2Fb?c"))
    assert asked.startswith("GET /a%2Fb?c HTTP/1.1\r\n")
    assert "\r\nHost: web.example\r\n" in asked
    assert "\r\nX-Forwarded-Host: web.example\r\n" in asked


@pytest.mark.parametrize(
    ("method", "path"), [("OPTIONS", "*"), ("CONNECT", "a:1"), ("GET", "@127.0.0.1:1/")]
)
async def test_a_request_without_a_path_is_refused(method, path):
    request = get(path, method=method)
    status, _ = await refusal(lambda host, path: group(free_port()), request)
    assert status == 400


async def test_fields_of_the_answer_are_those_of_the_target():
    answer = ok(
        "Content-Length: 2",
        "Set-Cookie: a=1; Path=/",
        "Set-Cookie: b=2",
        "Keep-Alive: timeout=5",
        "Date: then",
    )
    (status, fields, body), _ = await through(answer, get())
    assert (status, body) == ("HTTP/1.1 200 OK", b"ok")
    assert sorted(fields) == [
        ("connection", "close"),
        ("content-length", "2"),
        ("date", "then"),
        ("set-cookie", "a=1; Path=/"),
        ("set-cookie", "b=2"),
    ]


async def test_a_coded_answer_stays_coded():
    coded = gzip.compress(b"text" * 100)
    answer = ok(f"Content-Length: {len(coded)}", "Content-Encoding: gzip", body=coded)
    (_, fields, body), _ = await through(answer, get())
    assert ("content-encoding", "gzip") in fields
    assert body == coded


async def test_a_coded_request_stays_coded():
    coded = gzip.compress(b"text" * 100)
    request = get(
        "/", "Content-Encoding: gzip", f"Content-Length: {len(coded)}", method="POST", body=coded
    )
    _, asked = await through(OK, request)
    assert "Content-Encoding: gzip\r\n" in asked
    assert f"Content-Length: {len(coded)}\r\n" in asked
    assert asked.encode("latin-1").endswith(coded)


async def test_chunks_both_ways():
    answer = ok("Transfer-Encoding: chunked", body=b"2\r\nok\r\n0\r\n\r\n")
    request = get("/", "Transfer-Encoding: chunked", method="PUT", body=b"3\r\nabc\r\n0\r\n\r\n")
    (_, fields, body), asked = await through(answer, request)
    assert ("transfer-encoding", "chunked") in fields
    assert body == b"2\r\nok\r\n0\r\n\r\n"
    assert "Transfer-Encoding: chunked\r\n" in asked
    assert asked.endswith("3\r\nabc\r\n0\r\n\r\n")


async def test_an_old_client_gets_no_chunks():
    answer = ok("Transfer-Encoding: chunked", body=b"2\r\nok\r\n0\r\n\r\n")
    (_, fields, body), _ = await through(answer, get(version="1.0"))
    assert "transfer-encoding" not in dict(fields)
    assert body == b"ok"


@pytest.mark.parametrize(
    ("method", "status"), [("HEAD", "200 OK"), ("GET", "304 Not Modified"), ("GET", "204 None")]
)
async def test_answers_without_a_body(method, status):
    length = () if status.startswith("204") else ("Content-Length: 1234",)
    (found, fields, body), _ = await through(
        ok(*length, "ETag: x", body=b"", status=status), get(method=method)
    )
    assert found == f"HTTP/1.1 {status}"
    assert body == b""
    assert ("etag", "x") in fields
    assert "content-type" not in dict(fields)
    assert "transfer-encoding" not in dict(fields)
    if method == "HEAD":
        assert ("content-length", "1234") in fields


async def test_redirects_are_the_clients():
    answer = ok("Content-Length: 0", "Location: http://x/", body=b"", status="302 Found")
    (status, fields, _), _ = await through(answer, get())
    assert status == "HTTP/1.1 302 Found"
    assert ("location", "http://x/") in fields


async def test_a_body_streams_both_ways():
    """Each side has something of the other before either is finished."""
    heard, answered = asyncio.Event(), asyncio.Event()

    async def echo(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(len(b"3\r\none\r\n"))
        heard.set()
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nuno\r\n")
        await answered.wait()
        await reader.readuntil(b"0\r\n\r\n")
        writer.write(b"0\r\n\r\n")
        writer.close()

    async with (
        target(handler=echo) as (_, port),
        proxy(lambda host, path: group(port)) as at,
        connected(at) as (reader, writer),
    ):
        writer.write(get("/", "Transfer-Encoding: chunked", method="POST", body=b"3\r\none\r\n"))
        await heard.wait()
        await reader.readuntil(b"uno")
        answered.set()
        writer.write(b"0\r\n\r\n")
        assert await reader.read() == b"\r\n0\r\n\r\n"


async def test_a_client_that_asks_whether_to_go_on():
    async with (
        target(OK) as (made, port),
        proxy(lambda host, path: group(port)) as at,
        connected(at) as (reader, writer),
    ):
        writer.write(get("/", "Expect: 100-continue", "Content-Length: 3", method="POST"))
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"abc")
        assert (await reader.read()).startswith(b"HTTP/1.1 200 OK")
        assert b"expect" not in made.asked[0].lower()
        assert made.asked[0].endswith(b"abc")


async def test_nobody_is_there():
    assert await refusal(lambda host, path: None) == (
        404,
        "cloudlb: no rule is for this host and path\n",
    )
    assert await refusal(lambda host, path: group()) == (503, "cloudlb: no node is healthy\n")
    barred = group(1, sources=ranges("10.0.0.0/8"))
    status, text = await refusal(lambda host, path: barred)
    assert status == 403
    assert "loadBalancerSourceRanges" in text


async def test_the_choice_is_by_host_and_path():
    seen = []
    await refusal(lambda host, path: seen.append((host, path)), get("/a%2Fb/caf%C3%A9?x"))
    assert seen == [("web.example", "/a%2Fb/café")]


async def test_a_target_that_is_not_there():
    port = free_port()
    status, text = await refusal(lambda host, path: group(port))
    assert status == 502
    assert f"127.0.0.1:{port}" in text


@pytest.mark.parametrize("answer", [None, b"nonsense\r\n\r\n"], ids=["none", "nonsense"])
async def test_a_target_without_an_answer(answer):
    (status, _, body), _ = await through(answer, get())
    assert status.startswith("HTTP/1.1 502 ")
    assert body.startswith(b"cloudlb: 127.0.0.1:")


async def test_a_get_is_asked_again_of_another_target():
    async with target(None) as (_, bad), target(OK) as (_, good):
        gone = free_port()
        async with proxy(lambda host, path: group(gone, bad, good)) as at:
            for _ in range(3):
                assert (await exchange(at, get())).endswith(b"ok")


async def test_a_post_is_asked_again_only_when_nothing_of_it_was_sent():
    request = get("/", "Content-Length: 3", method="POST", body=b"abc")
    async with target(None) as (bad, bad_port), target(OK) as (good, good_port):
        async with proxy(lambda host, path: group(free_port(), good_port)) as at:
            assert (await exchange(at, request)).endswith(b"ok")
        async with proxy(lambda host, path: group(bad_port, good_port)) as at:
            assert b" 502 " in await exchange(at, request)
        assert len(good.asked) == 1
        assert len(bad.asked) == 1


@pytest.mark.parametrize(
    "answer",
    [
        ok("Content-Length: 100", body=b"some"),
        ok("Transfer-Encoding: chunked", body=b"4\r\nsome\r\n"),
    ],
    ids=["length", "chunks"],
)
async def test_an_answer_that_breaks_off_does_not_look_whole(answer):
    async with (
        target(answer) as (_, bad),
        target(OK) as (good, other),
        proxy(lambda host, path: group(bad, other)) as at,
    ):
        answered = await exchange(at, get())
        assert answered.count(b"HTTP/1.1") == 1
        assert not answered.endswith(b"0\r\n\r\n")
        assert len(split(answered)[2]) < 100
        assert good.asked == []


async def test_a_client_that_goes_away_takes_its_request_along():
    cut = asyncio.Event()

    async def endless(reader, writer):
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            while True:
                writer.write(b"x" * 65_536)
                await writer.drain()
        except ConnectionError:
            cut.set()
        finally:
            writer.close()

    async with (
        target(handler=endless) as (_, port),
        proxy(lambda host, path: group(port)) as at,
        connected(at) as (reader, writer),
    ):
        writer.write(get())
        await reader.readuntil(b"xxx")
        writer.transport.abort()
        await cut.wait()
