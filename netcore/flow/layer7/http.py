"""The first line and the Host of HTTP/1.x messages (RFC 9112), from one packet's payload.

Foreign bytes: what does not look like the beginning of a message is None, in bounded time.
"""

import re
from typing import NamedTuple

MAX_HEAD_BYTES = 2048
"""Nothing behind this is looked at."""

_REQUEST = re.compile(rb"([A-Z]{3,16}) ([\x21-\x7e]{1,1500}) (HTTP/1\.[01])\r?\n")
_RESPONSE = re.compile(rb"(HTTP/1\.[01]) ([1-9][0-9]{2})(?: [^\r\n]*)?\r?\n")
_HOST = re.compile(rb"\nhost:[ \t]*([\x21-\x7e]{1,255})[ \t]*\r?\n", re.IGNORECASE)


_BEGINS = re.compile(rb"[A-Z]{3,16} [\x21-\x7e]|HTTP/1\.[01] ")


class HttpRequest(NamedTuple):
    method: str
    url: str
    protocol: str


class HttpResponse(NamedTuple):
    protocol: str
    code: int


def may_begin(payload: bytes) -> bool:
    """Whether a message may begin here: cheaper than to parse it, and true for every one."""
    return _BEGINS.match(payload) is not None


def parse_http(payload: bytes) -> HttpRequest | HttpResponse | None:
    """The message that begins in this payload. The URL is absolute when the head names a host."""
    head = payload[:MAX_HEAD_BYTES]
    response = _RESPONSE.match(head)
    if response is not None:
        return HttpResponse(response[1].decode("ascii"), int(response[2]))
    request = _REQUEST.match(head)
    if request is None:
        return None
    target = request[2].decode("ascii")
    host = _HOST.search(head, request.end() - 1)
    if host is not None and target.startswith("/"):
        target = f"http://{host[1].decode('ascii')}{target}"
    return HttpRequest(request[1].decode("ascii"), target, request[3].decode("ascii"))
