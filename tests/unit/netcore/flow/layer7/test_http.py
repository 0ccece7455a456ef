import pytest

from netcore.flow.layer7.http import HttpRequest, HttpResponse, may_begin, parse_http


@pytest.mark.parametrize(
    ("payload", "url"),
    [
        (b"GET /a?b=c HTTP/1.1\r\nAccept: */*\r\nHost: web:8080\r\n\r\n", "http://web:8080/a?b=c"),
        (b"GET /a HTTP/1.1\r\nhost:web\r\n", "http://web/a"),
        (b"GET /a HTTP/1.0\r\n\r\n", "/a"),
        (b"GET http://web/a HTTP/1.1\r\nHost: other\r\n\r\n", "http://web/a"),
        (b"GET /a HTTP/1.1\nHost: web\n\n", "http://web/a"),
    ],
)
def test_requests(payload, url):
    found = parse_http(payload)
    assert isinstance(found, HttpRequest)
    assert (found.method, found.url) == ("GET", url)


def test_what_may_begin_a_message_is_told_by_its_first_bytes():
    assert may_begin(b"GET /a HTTP/1.1\r\n")
    assert may_begin(b"HTTP/1.1 200 OK\r\n")
    for other in (b"", b"\x16\x03\x01", b"get /", b"HTTP/2 200", b"<html>GET / HTTP/1.1"):
        assert not may_begin(other)


def test_responses():
    assert parse_http(b"HTTP/1.1 404 Not Found\r\n\r\n") == HttpResponse("HTTP/1.1", 404)
    assert parse_http(b"HTTP/1.0 200\r\n") == HttpResponse("HTTP/1.0", 200)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\x16\x03\x01\x02\x00",
        b"get / HTTP/1.1\r\n",
        b"GET / HTTP/2.0\r\n",
        b"GET /\x1b[31m HTTP/1.1\r\n",
        b"GET /" + b"a" * 4000 + b" HTTP/1.1\r\n",
        b"HTTP/1.1 20 OK\r\n",
        b"HTTP/1.1 999",
        b"the middle of a body with GET / HTTP/1.1\r\n",
    ],
)
def test_what_begins_no_message(payload):
    assert parse_http(payload) is None
