"""Asks containers how they are: httpGet, tcpSocket, exec and grpc, from the node's network.

Also runs lifecycle hooks, which ask with the same means.
"""

import asyncio
import os
import ssl
from collections.abc import Awaitable, Callable
from typing import Final

from nodeagent.pods.interfaces import Manifest
from nodeagent.pods.probes import ProbeResult, named_port

ExecInContainer = Callable[[tuple[str, ...]], Awaitable[tuple[int, str]]]
"""Runs a command in the container: exit code and what it printed."""

_BODY_MAX_BYTES: Final = 10 * 1024


class Prober:
    """The means to ask one container."""

    def __init__(self, container: Manifest, pod_ip: str, execute: ExecInContainer) -> None:
        self._container = container
        self._pod_ip = pod_ip
        self._execute = execute

    async def ask(self, handler: Manifest, timeout_s: float) -> ProbeResult:
        """The result of one probe or hook; never raises for what the container does."""
        try:
            async with asyncio.timeout(timeout_s):
                return await self._ask(handler)
        except TimeoutError:
            return ProbeResult(False, self._timeout_message(handler, timeout_s))
        except ValueError as error:
            return ProbeResult(False, str(error))

    async def _ask(self, handler: Manifest) -> ProbeResult:
        if "exec" in handler:
            code, output = await self._execute(tuple(handler["exec"].get("command") or ()))
            return ProbeResult(code == 0, output.strip())
        if "httpGet" in handler:
            return await self._http_get(handler["httpGet"])
        if "tcpSocket" in handler:
            return await self._tcp_socket(handler["tcpSocket"])
        if "grpc" in handler:
            return await self._grpc(handler["grpc"])
        if "sleep" in handler:
            await asyncio.sleep(handler["sleep"].get("seconds") or 0)
            return ProbeResult(True)
        raise ValueError("missing probe handler: one of exec, httpGet, tcpSocket, grpc is needed")

    def _timeout_message(self, handler: Manifest, timeout_s: float) -> str:
        if "httpGet" in handler:
            url = self._url(handler["httpGet"])
            return f'Get "{url}": context deadline exceeded'
        if "tcpSocket" in handler:
            host, port = self._tcp_address(handler["tcpSocket"])
            return f"dial tcp {host}:{port}: i/o timeout"
        return f"command timed out after {timeout_s:g}s"

    def _tcp_address(self, action: Manifest) -> tuple[str, int]:
        return action.get("host") or self._pod_ip, named_port(self._container, action["port"])

    def _url(self, action: Manifest) -> str:
        host, port = self._tcp_address(action)
        literal = f"[{host}]" if ":" in host else host
        path = action.get("path") or "/"
        scheme = (action.get("scheme") or "HTTP").lower()
        return f"{scheme}://{literal}:{port}{path if path.startswith('/') else '/' + path}"

    async def _tcp_socket(self, action: Manifest) -> ProbeResult:
        host, port = self._tcp_address(action)
        try:
            _reader, writer = await asyncio.open_connection(host, port)
        except OSError as error:
            return ProbeResult(False, f"dial tcp {host}:{port}: {_reason(error)}")
        writer.close()
        return ProbeResult(True)

    async def _http_get(self, action: Manifest) -> ProbeResult:
        host, port = self._tcp_address(action)
        url = self._url(action)
        try:
            tls = _unverified() if action.get("scheme") == "HTTPS" else None
            reader, writer = await asyncio.open_connection(host, port, ssl=tls)
            try:
                writer.write(_request(action, url))
                status, body = await _read_response(reader)
            finally:
                writer.close()
        except OSError as error:
            return ProbeResult(False, f'Get "{url}": dial tcp {host}:{port}: {_reason(error)}')
        except (ValueError, EOFError, asyncio.LimitOverrunError):
            return ProbeResult(False, f'Get "{url}": malformed HTTP response')
        if 200 <= status < 400:
            return ProbeResult(True, body)
        return ProbeResult(False, f"HTTP probe failed with statuscode: {status}")

    async def _grpc(self, action: Manifest) -> ProbeResult:
        # Loaded on first use: most nodes never run such a probe.
        from grpc import RpcError
        from grpc.aio import insecure_channel
        from grpc_health.v1 import health_pb2, health_pb2_grpc

        host = f"[{self._pod_ip}]" if ":" in self._pod_ip else self._pod_ip
        address = f"{host}:{action['port']}"
        request = health_pb2.HealthCheckRequest(service=action.get("service") or "")
        try:
            async with insecure_channel(address) as channel:
                response = await health_pb2_grpc.HealthStub(channel).Check(request)
        except RpcError:
            return ProbeResult(False, f'failed to connect service "{address}"')
        serving = response.status == health_pb2.HealthCheckResponse.SERVING
        return ProbeResult(serving, "" if serving else f"service unhealthy ({response.status})")


def _request(action: Manifest, url: str) -> bytes:
    host_and_path = url.partition("://")[2]
    host, _slash, path = host_and_path.partition("/")
    headers = {"Host": host, "User-Agent": "kube-probe/1.33", "Accept": "*/*"}
    for header in action.get("httpHeaders") or ():
        headers[header["name"]] = header["value"]
    headers["Connection"] = "close"
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"GET /{path} HTTP/1.1\r\n{lines}\r\n".encode("latin-1", "replace")


async def _read_response(reader: asyncio.StreamReader) -> tuple[int, str]:
    line = (await reader.readline()).decode("latin-1").split(" ", 2)
    if len(line) < 2 or not line[0].startswith("HTTP/1.") or not line[1].isdigit():
        raise ValueError("not HTTP")
    head = await reader.readuntil(b"\r\n\r\n")
    body = await reader.read(_BODY_MAX_BYTES) if head else b""
    return int(line[1]), body.decode(errors="replace")


def _reason(error: OSError) -> str:
    text = os.strerror(error.errno) if error.errno else str(error)
    return f"connect: {text.lower()}"


def _unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
