import pytest

from nodeagent.workloads.http_message import (
    BODY_MAX_BYTES,
    HEAD_MAX_BYTES,
    BadRequest,
    RequestParser,
    Response,
    encode_head,
)

GET = b"GET /a%20b?x=1&y= HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nX-A: 2\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nTrailer: t\r\n\r\n"
)


def test_a_request():
    (request,) = RequestParser().feed(GET)
    assert (request.method, request.path, request.headers["x-a"]) == ("GET", "/a b", "1, 2")
    assert (request.parameter("x"), request.parameter("y"), request.parameter("z", "d")) == (
        *("1", ""),
        "d",
    )
    assert request.keep_alive


@pytest.mark.parametrize(
    ("data", "body"), [(GET, b""), (POST, b"hello"), (CHUNKED, b"hello world")]
)
def test_any_portions_give_the_same(data, body):
    whole = RequestParser().feed(data * 3)
    parser = RequestParser()
    pieces = [request for byte in data * 3 for request in parser.feed(bytes([byte]))]
    assert [request.body for request in whole] == [body] * 3
    assert pieces == whole


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"hostName\n", 400),
        (b"GET /\r\n\r\n", 400),
        (b"G@T / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\n\r\n", 505),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: h\r\nbad header\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % (BODY_MAX_BYTES + 1), 413),
        (b"GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * HEAD_MAX_BYTES, 431),
    ],
)
def test_what_is_refused(data, status):
    with pytest.raises(BadRequest) as refused:
        RequestParser().feed(data)
    assert refused.value.status == status


def test_keep_alive_by_version_and_header():
    def keep_alive(version, header):
        head = f"GET / HTTP/{version}\r\nHost: h\r\n{header}\r\n".encode()
        return RequestParser().feed(head)[0].keep_alive

    assert not keep_alive("1.0", "")
    assert keep_alive("1.0", "Connection: keep-alive\r\n")
    assert not keep_alive("1.1", "Connection: close\r\n")


def test_the_client_may_wait_for_continue():
    parser = RequestParser()
    head, body = POST.split(b"\r\n\r\n")
    assert parser.feed(head + b"\r\nExpect: 100-continue\r\n\r\n") == []
    assert parser.wants_continue
    assert parser.feed(body)[0].body == b"hello"
    assert not parser.wants_continue


def test_encode_head():
    head = encode_head(Response(404, headers=[("X", "y")]), 3, "now", keep_alive=False)
    assert head == (
        b"HTTP/1.1 404 Not Found\r\nX: y\r\nDate: now\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\nContent-Length: 3\r\nConnection: close\r\n\r\n"
    )
