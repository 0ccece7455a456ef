"""One plain HTTP/1.1 GET on a blocking socket, with times and addresses."""

import http.client
import socket
import ssl
import time
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

_AddressInfo = tuple[Any, Any, int, str, Any]
BODY_MAX_BYTES: Final = 256 * 1024 * 1024


class GetError(Exception):
    """Why there is no response: `DNS: ...`, `REFUSED: ...`, `TIMEOUT: ...`, `OTHER: ...`."""


@dataclass
class Fetched:
    """A response and how it came about. Times in milliseconds."""

    url: str
    host: str
    addresses: list[str] = field(default_factory=list)
    peer: str = ""
    local: str = ""
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    dns_ms: float = 0.0
    connect_ms: float = 0.0
    total_ms: float = 0.0


def get(url: str, timeout_s: float) -> Fetched:
    """Resolve with getaddrinfo, connect to the first address that accepts, GET. No redirects.

    `timeout_s` bounds connecting and every wait for bytes. Raises GetError.
    """
    parts = urlsplit(url if "://" in url else f"http://{url}")
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise GetError(f"OTHER: {url}: {error}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise GetError(f"OTHER: {url} is not an http:// or https:// URL")
    fetched = Fetched(url, parts.hostname)
    start = time.perf_counter()
    answers = _resolve(parts.hostname, port)
    fetched.addresses = list(dict.fromkeys(str(answer[4][0]) for answer in answers))
    resolved = time.perf_counter()
    sock = _connect(answers, parts.hostname, port, timeout_s)
    connected = time.perf_counter()
    fetched.dns_ms = (resolved - start) * 1000
    fetched.connect_ms = (connected - resolved) * 1000
    fetched.peer, fetched.local = _name(sock.getpeername()), _name(sock.getsockname())
    if parts.scheme == "https":
        sock = _unverified().wrap_socket(sock, server_hostname=parts.hostname)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    _exchange(sock, fetched, parts.netloc.rpartition("@")[2], target)
    fetched.total_ms = (time.perf_counter() - start) * 1000
    return fetched


def _unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _resolve(host: str, port: int) -> list[_AddressInfo]:
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        reason = error.strerror if isinstance(error, socket.gaierror) else str(error)
        raise GetError(f"DNS: {host}: {reason}") from None


def _connect(answers: list[_AddressInfo], host: str, port: int, timeout_s: float) -> socket.socket:
    failure = GetError(f"DNS: {host}: no address")
    for family, kind, protocol, _canonical, address in answers:
        where = f"{host} ({address[0]}) port {port}"
        sock = socket.socket(family, kind, protocol)
        sock.settimeout(timeout_s)
        try:
            sock.connect(address)
            return sock
        except TimeoutError:
            failure = GetError(f"TIMEOUT: {where}: no connection within {timeout_s:g} s")
        except ConnectionRefusedError:
            failure = GetError(f"REFUSED: {where}: connection refused")
        except OSError as error:
            failure = GetError(f"OTHER: {where}: {error.strerror or error}")
        sock.close()
    raise failure


def _exchange(sock: socket.socket, fetched: Fetched, host_header: str, target: str) -> None:
    connection = http.client.HTTPConnection(fetched.host, sock.getpeername()[1])
    connection.sock = sock
    try:
        headers = {"Host": host_header, "User-Agent": "kubehop-http-get", "Accept": "*/*"}
        connection.request("GET", target, headers={**headers, "Connection": "close"})
        response = connection.getresponse()
        fetched.status = response.status
        fetched.headers = dict(response.getheaders())
        fetched.body = response.read(BODY_MAX_BYTES)
    except TimeoutError:
        raise GetError(f"TIMEOUT: {fetched.peer}: connected, but no answer in time") from None
    except (OSError, http.client.HTTPException) as error:
        reason = str(error) or type(error).__name__
        raise GetError(f"OTHER: {fetched.peer}: {reason}") from None
    finally:
        connection.close()


def _name(address: tuple[str | int, ...]) -> str:
    host = str(address[0])
    return f"[{host}]:{address[1]}" if ":" in host else f"{host}:{address[1]}"
