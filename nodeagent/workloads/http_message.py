"""HTTP/1.1 messages without I/O (RFC 9112): a bounded request parser, a response encoder."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qs, unquote

HEAD_MAX_BYTES: Final = 64 * 1024
BODY_MAX_BYTES: Final = 32 * 1024 * 1024
_METHOD_CHARACTERS: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_")


class BadRequest(Exception):
    """What came is not a request that can be served; `status` is the answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(slots=True)
class Request:
    """One request. Header names are lower case; repeated headers are joined by a comma."""

    method: str
    target: str
    version: str
    headers: dict[str, str]
    raw_headers: list[tuple[str, str]]
    body: bytes = b""
    peer: str = ""
    """`ADDRESS:PORT` of the client, an IPv6 address in brackets."""

    @property
    def path(self) -> str:
        return unquote(self.target.partition("?")[0])

    @property
    def query(self) -> Mapping[str, list[str]]:
        fields = parse_qs(self.target.partition("?")[2], keep_blank_values=True)
        if self.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            fields |= parse_qs(self.body.decode(errors="replace"), keep_blank_values=True)
        return fields

    def parameter(self, name: str, default: str = "") -> str:
        return self.query.get(name, [default])[0]

    @property
    def keep_alive(self) -> bool:
        connection = self.headers.get("connection", "").lower()
        if self.version == "HTTP/1.0":
            return "keep-alive" in connection
        return "close" not in connection


@dataclass(slots=True)
class Response:
    """What to answer. With `file` the body is that file; `close` ends the connection."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: list[tuple[str, str]] = field(default_factory=list)
    file: str | None = None
    close: bool = False


class RequestParser:
    """Feed bytes in any portions, take requests out. Raises BadRequest; unusable after that."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._request: Request | None = None
        self._body = bytearray()
        self._length: int | None = None
        self.wants_continue = False
        """The client waits for `100 Continue` before it sends the body."""

    def feed(self, data: bytes) -> list[Request]:
        self._buffer += data
        requests: list[Request] = []
        while True:
            if self._request is None and not self._take_head():
                return requests
            finished = self._take_body()
            if finished is None:
                return requests
            requests.append(finished)

    def _take_head(self) -> bool:
        while self._buffer.startswith(b"\r\n"):
            del self._buffer[:2]
        first_line_end = self._buffer.find(b"\n")
        if first_line_end >= 0:
            _check_request_line(bytes(self._buffer[:first_line_end]))
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > HEAD_MAX_BYTES:
                raise BadRequest(431, "request header fields too large")
            return False
        self._request = parse_head(bytes(self._buffer[:end]))
        del self._buffer[: end + 4]
        self._length = _body_length(self._request.headers)
        expects = self._request.headers.get("expect", "").lower() == "100-continue"
        self.wants_continue = expects and self._length != 0
        return True

    def _take_body(self) -> Request | None:
        if self._length is None:
            if not self._take_chunks():
                return None
        elif len(self._buffer) < self._length:
            return None
        else:
            self._body += self._buffer[: self._length]
            del self._buffer[: self._length]
        request = self._request
        assert request is not None
        request.body = bytes(self._body)
        self._body.clear()
        self._request = None
        self.wants_continue = False
        return request

    def _take_chunks(self) -> bool:
        """True when the last chunk and the trailers are in (RFC 9112 section 7.1)."""
        while (end := self._buffer.find(b"\r\n")) >= 0:
            try:
                size = int(bytes(self._buffer[:end]).partition(b";")[0].strip(), 16)
            except ValueError:
                raise BadRequest(400, "bad chunk size") from None
            if size < 0 or len(self._body) + size > BODY_MAX_BYTES:
                raise BadRequest(413, "request body too large")
            if size == 0:
                return self._skip_trailers(end)
            if len(self._buffer) < end + 2 + size + 2:
                return False
            self._body += self._buffer[end + 2 : end + 2 + size]
            del self._buffer[: end + 2 + size + 2]
        if len(self._buffer) > HEAD_MAX_BYTES:
            raise BadRequest(400, "bad chunk size")
        return False

    def _skip_trailers(self, end: int) -> bool:
        if self._buffer.startswith(b"\r\n", end + 2):
            del self._buffer[: end + 4]
            return True
        last = self._buffer.find(b"\r\n\r\n", end)
        if last >= 0:
            del self._buffer[: last + 4]
        return last >= 0


def _check_request_line(line: bytes) -> None:
    parts = line.decode("latin-1").rstrip("\r").split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/"):
        raise BadRequest(400, "malformed request line")
    if not parts[0] or not set(parts[0]) <= _METHOD_CHARACTERS or not parts[1]:
        raise BadRequest(400, "malformed request line")
    if parts[2] not in ("HTTP/1.0", "HTTP/1.1"):
        raise BadRequest(505, "HTTP version not supported")


def parse_head(head: bytes) -> Request:
    """The request line and headers, without the empty line. Raises BadRequest."""
    first, *lines = head.decode("latin-1").split("\r\n")
    _check_request_line(first.encode("latin-1"))
    method, target, version = first.split(" ")
    headers: dict[str, str] = {}
    raw: list[tuple[str, str]] = []
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise BadRequest(400, "malformed header line")
        value = value.strip()
        raw.append((name, value))
        key = name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    if version == "HTTP/1.1" and "host" not in headers:
        raise BadRequest(400, "missing required Host header")
    return Request(method, target, version, headers, raw)


def _body_length(headers: Mapping[str, str]) -> int | None:
    """Bytes of the body; None when it comes in chunks."""
    if "transfer-encoding" in headers:
        if headers["transfer-encoding"].lower() != "chunked" or "content-length" in headers:
            raise BadRequest(400, "unsupported transfer encoding")
        return None
    text = headers.get("content-length", "0")
    if not text.isascii() or not text.isdigit():
        raise BadRequest(400, "bad Content-Length")
    if int(text) > BODY_MAX_BYTES:
        raise BadRequest(413, "request body too large")
    return int(text)


def encode_head(response: Response, length: int, date: str, *, keep_alive: bool) -> bytes:
    """Status line and headers up to the empty line."""
    try:
        phrase = HTTPStatus(response.status).phrase
    except ValueError:
        phrase = f"status code {response.status}"
    lines = [f"HTTP/1.1 {response.status} {phrase}"]
    lines += [f"{name}: {value}" for name, value in response.headers]
    lines.append(f"Date: {date}")
    if response.content_type:
        lines.append(f"Content-Type: {response.content_type}")
    lines.append(f"Content-Length: {length}")
    if not keep_alive:
        lines.append("Connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
