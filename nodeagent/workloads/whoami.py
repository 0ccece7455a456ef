"""`whoami [--port 80] [--name NAME]` as traefik/whoami: who am I, who asked, and how."""

import asyncio
import fcntl
import ipaddress
import json
import os
import socket
import struct
from collections.abc import Sequence
from typing import Final

from nodeagent.workloads.agnhost.serving import termination
from nodeagent.workloads.flags import parse_flags
from nodeagent.workloads.http_message import Request, Response
from nodeagent.workloads.http_server import serve_http

_SIOCGIFADDR: Final = 0x8915
_DATA_MAX_BYTES: Final = 256 * 1024 * 1024
_UNITS: Final = {"": 1, "B": 1, "KB": 1024, "MB": 1024**2}


def main(args: Sequence[str]) -> int:
    env = os.environ
    port = env.get("WHOAMI_PORT_NUMBER", "80")
    defaults: dict[str, str | int | bool] = {
        "port": int(port) if port.isdigit() else 80,
        "name": env.get("WHOAMI_NAME", ""),
        "verbose": False,
    }
    flags, _rest = parse_flags(args, defaults)
    asyncio.run(_serve(Whoami(str(flags["name"])), int(flags["port"])))
    return 0


class Whoami:
    """`/` and any other path as text, `/api` as JSON, `/health`, `/bench`, `/data?size=&unit=`."""

    def __init__(self, name: str) -> None:
        self._name = name

    def answer(self, request: Request) -> Response:
        match request.path:
            case "/api":
                return Response(200, self._as_json(request), "application/json")
            case "/health":
                return Response(200)
            case "/bench":
                return Response(200, b"1")
            case "/data":
                return _data(request)
            case _:
                return Response(200, self._as_text(request))

    def _as_text(self, request: Request) -> bytes:
        lines = [f"Name: {self._name}"] if self._name else []
        lines.append(f"Hostname: {socket.gethostname()}")
        lines += [f"IP: {address}" for address in own_addresses()]
        lines.append(f"RemoteAddr: {request.peer}")
        lines.append(f"{request.method} {request.target} {request.version}")
        host = [header for header in request.raw_headers if header[0].lower() == "host"]
        others = sorted(header for header in request.raw_headers if header[0].lower() != "host")
        lines += [f"{name}: {value}" for name, value in host + others]
        return ("\n".join(lines) + "\n\n").encode("latin-1", "replace")

    def _as_json(self, request: Request) -> bytes:
        headers: dict[str, list[str]] = {}
        for name, value in request.raw_headers:
            if name.lower() != "host":
                headers.setdefault(name, []).append(value)
        document = {
            "hostname": socket.gethostname(),
            "ip": own_addresses(),
            "headers": headers,
            "url": request.target,
            "host": request.headers.get("host", ""),
            "method": request.method,
            "remoteAddr": request.peer,
        }
        if self._name:
            document["name"] = self._name
        return json.dumps(document).encode() + b"\n"


def _data(request: Request) -> Response:
    size, unit = request.parameter("size", "1"), request.parameter("unit").upper()
    if not size.isdigit() or unit not in _UNITS or int(size) * _UNITS[unit] > _DATA_MAX_BYTES:
        return Response(400, b"size must be a number, unit KB or MB, at most 256 MB in all\n")
    length = int(size) * _UNITS[unit]
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ-"
    body = (alphabet * (length // len(alphabet) + 1))[: max(0, length - 2)]
    return Response(200, b"|" + body + b"|", "application/octet-stream")


def own_addresses() -> list[str]:
    """The addresses of this network namespace's interfaces, IPv4 first."""
    found: list[str] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for _index, name in socket.if_nameindex():
            try:
                reply = fcntl.ioctl(control, _SIOCGIFADDR, struct.pack("256s", name.encode()))
            except OSError:
                continue
            found.append(socket.inet_ntoa(reply[20:24]))
    try:
        with open("/proc/net/if_inet6") as stream:
            found += [str(ipaddress.IPv6Address(int(line.split()[0], 16))) for line in stream]
    except OSError:
        pass
    return found


async def _serve(whoami: Whoami, port: int) -> None:
    async with serve_http(whoami.answer, None, port):
        print(f"Starting up on port {port}")
        await termination()
