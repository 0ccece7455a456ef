"""`serve-hostname`: answers every connection, datagram or request with the pod's name."""

import asyncio
import contextlib
import socket
from collections.abc import Sequence
from typing import Final

from nodeagent.workloads.agnhost.serving import serve_udp, termination
from nodeagent.workloads.flags import parse_flags
from nodeagent.workloads.http_message import Response
from nodeagent.workloads.http_server import serve_http

_SERVE_AFTER_SIGTERM_S: Final = 60.0


def main(args: Sequence[str]) -> int:
    defaults = {"tcp": False, "udp": False, "http": True, "close": False, "port": 9376}
    flags, _rest = parse_flags(args, defaults)
    asyncio.run(_serve(flags))
    return 0


async def _serve(flags: dict[str, str | int | bool]) -> None:
    hostname = socket.gethostname().encode()
    port = int(flags["port"])
    async with contextlib.AsyncExitStack() as servers:
        if flags["udp"]:
            await servers.enter_async_context(serve_udp(lambda _data, _peer: hostname, port))
        if flags["tcp"]:
            server = await _serve_tcp(hostname, port, close=bool(flags["close"]))
            servers.callback(server.close)
        elif flags["http"]:
            await servers.enter_async_context(
                serve_http(lambda _request: Response(body=hostname), None, port)
            )
        await termination()
        print("Shutting down after receiving signal: terminated.\nAwaiting pod deletion.")
        await asyncio.sleep(_SERVE_AFTER_SIGTERM_S)


async def _serve_tcp(hostname: bytes, port: int, *, close: bool) -> asyncio.Server:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            writer.write(hostname + b"\n")
            await writer.drain()
            if not close:
                while await reader.read(65536):
                    pass
            writer.close()

    return await asyncio.start_server(answer, None, port)
