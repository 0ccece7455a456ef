"""`netexec`: HTTP, UDP and SCTP endpoints that tell who and where they are."""

import asyncio
import contextlib
import json
import os
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from email.parser import BytesParser
from email.policy import HTTP
from typing import Final

from nodeagent.workloads.agnhost.dial import dial
from nodeagent.workloads.agnhost.serving import bound_everywhere, peer_name, serve_udp, termination
from nodeagent.workloads.flags import UsageError, parse_flags
from nodeagent.workloads.http_message import Request, Response
from nodeagent.workloads.http_server import serve_http

_DEFAULTS: Final[Mapping[str, str | int | bool]] = {
    "http-port": 8080,
    "udp-port": 8081,
    "sctp-port": -1,
    "http-override": "",
    "delay-shutdown": 0,
    "tls-cert-file": "",
    "tls-private-key-file": "",
}


class NetExec:
    """The HTTP endpoints and the datagram commands of one pod."""

    def __init__(self, override: str = "") -> None:
        self._hostname = socket.gethostname().encode()
        self._override = override
        self.terminating = False
        self._endpoints: Final[Mapping[str, Callable[[Request], Response]]] = {
            "/": lambda _: Response(body=f"NOW: {time.strftime('%F %T %z')}".encode()),
            "/clientip": lambda request: Response(body=request.peer.encode()),
            "/echo": _echo,
            "/exit": _exit,
            "/header": lambda r: Response(body=_header(r).encode("latin-1", "replace")),
            "/healthz": lambda _: Response(),
            "/hostname": lambda _: Response(body=self._hostname),
            "/hostName": lambda _: Response(body=self._hostname),
            "/readyz": lambda _: Response(503 if self.terminating else 200),
            "/redirect": _redirect,
            "/shutdown": _shutdown,
        }
        self._slow: Final[Mapping[str, Callable[[Request], Response]]] = {
            "/dial": dial,
            "/shell": _shell,
            "/upload": _upload,
        }

    def answer(self, request: Request) -> Response | asyncio.Future[Response]:
        path = request.path if not self._override else self._override
        if path in self._slow:
            loop = asyncio.get_running_loop()
            return loop.run_in_executor(None, self._slow[path], request)
        endpoint = self._endpoints.get(path, self._endpoints["/"])
        return endpoint(request)

    def answer_datagram(self, data: bytes, peer: str) -> bytes | None:
        """`hostname`, `clientip`, `echo TEXT`; anything else is met with silence."""
        command, _space, text = data.strip().partition(b" ")
        match command.lower():
            case b"hostname":
                return self._hostname
            case b"clientip":
                return peer.encode()
            case b"echo":
                return text
            case _:
                return None


def _header(request: Request) -> str:
    return request.headers.get(request.parameter("key").lower(), "")


def _echo(request: Request) -> Response:
    code = request.parameter("code", "200")
    if not code.isdigit() or not 200 <= int(code) <= 599:
        return Response(400, f"argument 'code' must be between 200 and 599, got {code}".encode())
    return Response(int(code), request.parameter("msg").encode())


def _redirect(request: Request) -> Response:
    code = request.parameter("code", "302")
    if code not in ("301", "302", "303", "307", "308"):
        return Response(400, f"argument 'code' must be a redirect status, got {code}".encode())
    return Response(int(code), headers=[("Location", request.parameter("location"))])


def _end_later(code: int, delay_s: float) -> None:
    timer = threading.Timer(delay_s, os._exit, (code,))
    timer.daemon = True
    timer.start()


def _exit(request: Request) -> Response:
    code = request.parameter("code", "0")
    if not code.isdigit():
        return Response(400, f"argument 'code' must be a number, got {code}".encode())
    _end_later(int(code) & 0xFF, 0.05)
    return Response(close=True)


def _shutdown(_request: Request) -> Response:
    _end_later(0, 0.05)
    return Response(close=True)


def _shell(request: Request) -> Response:
    command = request.parameter("shellCommand") or request.parameter("cmd")
    result = subprocess.run(
        ["/bin/sh", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    output = {"output": result.stdout.decode(errors="replace")}
    if result.returncode:
        output["error"] = f"exit status {result.returncode}"
    return Response(200, json.dumps(output).encode())


def _upload(request: Request) -> Response:
    """Keep the file of a multipart form's field `file` and say where."""
    head = f"Content-Type: {request.headers.get('content-type', '')}\r\n\r\n".encode()
    form = BytesParser(policy=HTTP).parsebytes(head + request.body)
    parts = form.iter_parts() if form.is_multipart() else ()
    for part in parts:
        if part.get_param("name", header="content-disposition") == "file":
            content = part.get_payload(decode=True)
            assert isinstance(content, bytes)
            with tempfile.NamedTemporaryFile(prefix="upload", delete=False) as stream:
                stream.write(content)
            return Response(201, json.dumps({"output": stream.name}).encode())
    return Response(400, json.dumps({"error": "no form file named 'file'"}).encode())


def _tls(cert_file: str, key_file: str) -> ssl.SSLContext | None:
    if not cert_file:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert_file, key_file or None)
    return context


def _serve_sctp(server: NetExec, port: int) -> None:
    sock = bound_everywhere(port, socket.SOCK_STREAM, socket.IPPROTO_SCTP)
    sock.listen(16)

    def answer(client: socket.socket, peer: str) -> None:
        with client, contextlib.suppress(OSError):
            while data := client.recv(2048):
                client.sendall(server.answer_datagram(data, peer) or b"")

    def accept() -> None:
        while True:
            client, address = sock.accept()
            peer = peer_name(address)
            threading.Thread(target=answer, args=(client, peer), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


def main(args: Sequence[str]) -> int:
    flags, rest = parse_flags(args, _DEFAULTS)
    if rest:
        raise UsageError(f"netexec takes no arguments: {' '.join(rest)}")
    asyncio.run(_serve(flags))
    return 0


async def _serve(flags: Mapping[str, str | int | bool]) -> None:
    server = NetExec(str(flags["http-override"]))
    tls = _tls(str(flags["tls-cert-file"]), str(flags["tls-private-key-file"]))
    async with contextlib.AsyncExitStack() as servers:
        if int(flags["udp-port"]) != -1:
            udp = serve_udp(server.answer_datagram, int(flags["udp-port"]))
            await servers.enter_async_context(udp)
            print(f"Started UDP server on port {flags['udp-port']}")
        if int(flags["sctp-port"]) != -1:
            _serve_sctp(server, int(flags["sctp-port"]))
        http = serve_http(server.answer, None, int(flags["http-port"]), tls)
        await servers.enter_async_context(http)
        print(f"Started HTTP server on port {flags['http-port']}")
        await termination()
        server.terminating = True
        await asyncio.sleep(int(flags["delay-shutdown"]))
