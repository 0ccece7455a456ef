"""Running a command in a container, as `kubectl exec` does: WebSocket, v5.channel.k8s.io."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import aiohttp

from kubehop.kubernetes.client import ApiError, ApiUnreachable

if TYPE_CHECKING:
    from kubehop.kubernetes.credentials import Credentials

_PROTOCOL = "v5.channel.k8s.io"
_STDOUT, _STDERR, _ERROR = 1, 2, 3
_CLOSE_PATIENCE_S = 1.0
_POLL_S = 0.001


class _Socket(Protocol):
    def fileno(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Executed:
    """How a command ended and what it wrote."""

    exit_code: int
    stdout: bytes
    stderr: bytes


class Executor:
    """Runs commands one after the other or side by side; an async context."""

    def __init__(self, credentials: Credentials) -> None:
        self._server, self._tls = credentials.server, credentials.tls()

    async def __aenter__(self) -> Executor:
        self._session = aiohttp.ClientSession()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._session.close()

    async def run(self, namespace: str, pod: str, command: tuple[str, ...]) -> Executed:
        """Runs `command` in the pod's first container. Raises ApiError or ApiUnreachable.

        The connection is closed then: the event loop may end at once.
        """
        url = f"{self._server}/api/v1/namespaces/{namespace}/pods/{pod}/exec"
        words = [("command", word) for word in command]
        parameters = (*words, ("stdout", "true"), ("stderr", "true"))
        written = {_STDOUT: bytearray(), _STDERR: bytearray(), _ERROR: bytearray()}
        try:
            async with self._session.ws_connect(
                url, params=parameters, ssl=self._tls, protocols=(_PROTOCOL,), max_msg_size=0
            ) as stream:
                socket = stream.get_extra_info("socket")
                async for message in stream:
                    if message.type is aiohttp.WSMsgType.BINARY and message.data:
                        written.get(message.data[0], bytearray()).extend(message.data[1:])
        except aiohttp.WSServerHandshakeError as error:
            raise ApiError(error.status, "", f"cannot run a command in {pod}: {error}") from error
        except (aiohttp.ClientError, OSError) as error:
            raise ApiUnreachable(f"the command in {pod} was cut off: {error}") from error
        await _closed(socket)
        code = _exit_code(bytes(written[_ERROR]), pod)
        return Executed(code, bytes(written[_STDOUT]), bytes(written[_STDERR]))


async def _closed(socket: _Socket | None) -> None:
    """Nobody tells when TLS has said goodbye; a loop that ends before leaks the socket."""
    deadline = time.monotonic() + _CLOSE_PATIENCE_S
    while socket is not None and socket.fileno() >= 0:
        if time.monotonic() >= deadline:
            return
        await asyncio.sleep(_POLL_S)


def _exit_code(status_json: bytes, pod: str) -> int:
    """The exit code in the Status on the error channel, the last thing that the server sends."""
    try:
        status: dict[str, Any] = json.loads(status_json)
    except ValueError as error:
        raise ApiUnreachable(f"the command in {pod} was cut off before its end") from error
    if status.get("status") == "Success":
        return 0
    for cause in (status.get("details") or {}).get("causes") or ():
        if cause.get("reason") == "ExitCode":
            return int(cause["message"])
    raise ApiError(status.get("code", 500), status.get("reason", ""), status.get("message", ""))
