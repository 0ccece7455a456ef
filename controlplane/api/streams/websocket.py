"""Exec and attach for WebSocket clients."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from aiohttp import WSMsgType, web

from controlplane.api.streams.channels import (
    ERROR,
    PROTOCOLS,
    STDERR,
    STDOUT,
    V4,
    encode_output,
    encode_status,
    parse_input,
)

if TYPE_CHECKING:
    from controlplane.rpc.agent_types import ExecInput, Output

MAX_MESSAGE_BYTES = 4 * 1024 * 1024
_HEARTBEAT_S = 30.0
_CLOSE_TIMEOUT_S = 2.0


class WebSocketConnection:
    """A client that speaks one of the channel protocols over a WebSocket."""

    def __init__(self) -> None:
        self._socket = web.WebSocketResponse(
            protocols=PROTOCOLS,
            heartbeat=_HEARTBEAT_S,
            max_msg_size=MAX_MESSAGE_BYTES,
            timeout=_CLOSE_TIMEOUT_S,
            compress=False,
        )

    @property
    def response(self) -> web.WebSocketResponse:
        """What the handler of the request returns."""
        return self._socket

    async def open(self, request: web.Request, outputs: frozenset[str]) -> None:
        """Upgrades. An empty message on the first readable channel tells the client so."""
        await self._socket.prepare(request)
        first = STDOUT if "stdout" in outputs else STDERR if "stderr" in outputs else ERROR
        await self._send(bytes((first,)))

    async def receive(self) -> ExecInput | None:
        protocol = self._socket.ws_protocol or V4
        while True:
            message = await self._socket.receive()
            if message.type not in (WSMsgType.BINARY, WSMsgType.TEXT):
                return None
            data = message.data.encode() if message.type == WSMsgType.TEXT else message.data
            item = parse_input(data, protocol)
            if item is not None:
                return item

    async def send(self, output: Output) -> None:
        await self._send(encode_output(output))

    async def finish(self, status: dict[str, Any]) -> None:
        await self._send(encode_status(status))
        async with asyncio.timeout(_CLOSE_TIMEOUT_S + 1):
            await self._socket.close()

    async def _send(self, message: bytes) -> None:
        if self._socket.closed:
            raise ConnectionResetError("the client closed the connection")
        await self._socket.send_bytes(message)
