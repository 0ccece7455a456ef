"""netexec's `/dial`: ask another server, several times, and collect what it said."""

import json
import socket
from collections.abc import Callable, Mapping
from typing import Final

from nodeagent.workloads.http_client import GetError, get
from nodeagent.workloads.http_message import Request, Response

_TIMEOUT_S: Final = 5.0
_TRIES_MAX: Final = 1000
_ANSWER_MAX_BYTES: Final = 2048


def dial(request: Request) -> Response:
    """Blocking: for a worker thread. Bad parameters are a 400."""
    host, port = request.parameter("host"), request.parameter("port")
    protocol = request.parameter("protocol", "http").lower()
    tries = request.parameter("tries", "1")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        return Response(400, b"dial needs host and port")
    if protocol not in _DIALERS:
        return Response(400, f"unsupported protocol: {protocol}".encode())
    if not tries.isdigit() or not 0 < int(tries) <= _TRIES_MAX:
        return Response(400, f"tries must be between 1 and {_TRIES_MAX}".encode())
    output: dict[str, list[str]] = {}
    for _ in range(int(tries)):
        try:
            answer = _DIALERS[protocol](host, int(port), request.parameter("request"))
            output.setdefault("responses", []).append(answer)
        except (OSError, GetError) as error:
            output.setdefault("errors", []).append(str(error))
    return Response(200, json.dumps(output).encode())


def _dial_http(host: str, port: int, request: str) -> str:
    literal = f"[{host}]" if ":" in host else host
    return get(f"http://{literal}:{port}/{request}", _TIMEOUT_S).body.decode(errors="replace")


def _dial_udp(host: str, port: int, request: str) -> str:
    return _dial_socket(host, port, request, socket.SOCK_DGRAM, 0)


def _dial_sctp(host: str, port: int, request: str) -> str:
    return _dial_socket(host, port, request, socket.SOCK_STREAM, socket.IPPROTO_SCTP)


def _dial_socket(host: str, port: int, request: str, kind: socket.SocketKind, number: int) -> str:
    family, _kind, _number, _name, address = socket.getaddrinfo(
        host.strip("[]"), port, type=socket.SOCK_DGRAM
    )[0]
    with socket.socket(family, kind, number) as sock:
        sock.settimeout(_TIMEOUT_S)
        sock.connect(address)
        sock.send(request.encode())
        return sock.recv(_ANSWER_MAX_BYTES).decode(errors="replace")


_DIALERS: Final[Mapping[str, Callable[[str, int, str], str]]] = {
    "http": _dial_http,
    "udp": _dial_udp,
    "sctp": _dial_sctp,
}
