"""The supervisor's control socket: one JSON request a line, one JSON answer a line."""

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from netcore.model.errors import KubehopError

_MAX_LINE = 1 << 20
_TIMEOUT_S = 5.0

Handler = Callable[[dict[str, Any]], dict[str, Any]]


class NoAnswer(KubehopError):
    """The supervisor does not answer."""


@asynccontextmanager
async def serve_control(path: Path, handle: Handler) -> AsyncIterator[None]:
    """Answers requests while the context lasts. Only the socket's owner may connect."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, ValueError, TimeoutError):
            async with asyncio.timeout(_TIMEOUT_S):
                request = json.loads(await reader.readline())
                answer = handle(request if isinstance(request, dict) else {})
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        writer.close()

    with _short_path(path) as address:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(address)
        os.chmod(address, 0o600)
    server = await asyncio.start_unix_server(serve, sock=listener, limit=_MAX_LINE)
    async with server:
        yield


def ask(path: Path, request: dict[str, Any]) -> dict[str, Any]:
    """The supervisor's answer. Raises NoAnswer."""
    try:
        with _short_path(path) as address, socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_TIMEOUT_S)
            connection.connect(address)
            connection.sendall(json.dumps(request).encode() + b"\n")
            with connection.makefile("rb") as stream:
                answer = json.loads(stream.readline(_MAX_LINE))
    except (OSError, ValueError) as error:
        raise NoAnswer(f"the supervisor does not answer at {path}: {error}") from error
    if not isinstance(answer, dict):
        raise NoAnswer(f"the supervisor's answer at {path} is not understood")
    return answer


@contextlib.contextmanager
def _short_path(path: Path) -> Any:
    """A name of at most 107 bytes for `path`, as unix(7) demands, by way of its folder's fd."""
    descriptor = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{path.name}"
    finally:
        os.close(descriptor)
