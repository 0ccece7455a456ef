"""`.../pods/{pod}/exec` and `/attach`: commands in containers, for all transports.

Source: Kubernetes pkg/apis/core/v1 PodExecOptions and pkg/registry/core/pod/rest/subresources.go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from controlplane.api.errors import StatusError, bad_request, invalid, required
from controlplane.api.http.parameters import boolean
from controlplane.api.streams.channels import PROTOCOLS
from controlplane.api.streams.conversation import converse
from controlplane.api.streams.spdy import connection as spdy
from controlplane.api.streams.spdy.upgrade import RawConnection
from controlplane.api.streams.target import find_place
from controlplane.api.streams.websocket import WebSocketConnection
from controlplane.rpc.agent_types import ExecCommand

if TYPE_CHECKING:
    from aiohttp import web
    from multidict import MultiMapping

    from controlplane.api.http.request_info import RequestInfo
    from controlplane.api.streams.target import Place
    from controlplane.rpc.agents import Agent, Agents, NodeReader

STREAM_PROTOCOL = "X-Stream-Protocol-Version"
_ENDED = ("Succeeded", "Failed")


@dataclass(frozen=True, slots=True)
class ExecOptions:
    """What the query asks for."""

    stdin: bool
    stdout: bool
    stderr: bool
    tty: bool
    command: tuple[str, ...]
    container: str

    @property
    def outputs(self) -> frozenset[str]:
        """The output streams that the client wants."""
        return frozenset(name for name in ("stdout", "stderr") if getattr(self, name))


class ExecHandler:
    """Serves one of the two subresources."""

    def __init__(
        self, subresource: Literal["exec", "attach"], reader: NodeReader, agents: Agents
    ) -> None:
        self._attach = subresource == "attach"
        self._reader = reader
        self._agents = agents

    async def __call__(self, request: web.Request, info: RequestInfo) -> web.StreamResponse:
        """Upgrades the connection and runs the command. Raises StatusError before that."""
        options = parse_options(request.query, attach=self._attach)
        place = await find_place(self._reader, info, options.container)
        check_running(place)
        upgrade = request.headers.get("Upgrade", "").lower()
        if upgrade not in ("websocket", "spdy/3.1"):
            raise bad_request("Upgrade request required")
        serve = self._websocket if upgrade == "websocket" else self._spdy
        check_protocol(request, upgrade)
        agent = await self._agents.at(place.node_name)
        command = ExecCommand(
            place.target, options.command, options.stdin, options.tty, self._attach
        )
        return await serve(request, agent, command, options.outputs)

    async def _websocket(
        self, request: web.Request, agent: Agent, command: ExecCommand, outputs: frozenset[str]
    ) -> web.StreamResponse:
        connection = WebSocketConnection()
        await connection.open(request, outputs)
        await converse(connection, agent, command, outputs)
        return connection.response

    async def _spdy(
        self, request: web.Request, agent: Agent, command: ExecCommand, outputs: frozenset[str]
    ) -> web.StreamResponse:
        raw = RawConnection(request)
        headers = {"Connection": "Upgrade", "Upgrade": "SPDY/3.1", STREAM_PROTOCOL: spdy.PROTOCOL}
        connection = spdy.SpdyConnection(raw)
        stdin = {"stdin"} if command.stdin else set()
        resize = {"resize"} if command.tty else set()
        try:
            await raw.switch_protocols(headers)
            if await connection.open({"error", *stdin, *outputs, *resize}):
                await converse(connection, agent, command, outputs)
        finally:
            response = raw.release()
        return response


def parse_options(query: MultiMapping[str], *, attach: bool) -> ExecOptions:
    """The PodExecOptions or PodAttachOptions of a request. Raises StatusError 400, 422."""
    kind = "PodAttachOptions" if attach else "PodExecOptions"
    options = ExecOptions(
        stdin=boolean(query, "stdin"),
        stdout=boolean(query, "stdout"),
        stderr=boolean(query, "stderr"),
        tty=boolean(query, "tty"),
        command=() if attach else tuple(query.getall("command", [])),
        container=query.get("container", ""),
    )
    if not attach and not options.command:
        raise invalid(kind, "", [required("command")])
    if not (options.stdin or options.stdout or options.stderr):
        raise bad_request("you must specify at least 1 of stdin, stdout, stderr")
    return options


def check_running(place: Place) -> None:
    """Raises StatusError 400 when the pod has no node, 500 when it has already ended."""
    name = place.target.pod
    if not place.node_name:
        raise bad_request(f"pod {name} does not have a host assigned")
    phase = place.pod.get("status", {}).get("phase")
    if phase in _ENDED:
        message = f"cannot exec into a container in a completed pod; current phase is {phase}"
        raise StatusError(500, "InternalError", message)


def check_protocol(request: web.Request, upgrade: str) -> None:
    """Raises StatusError for a client that offers no protocol which is spoken here."""
    if upgrade == "websocket":
        offered = _offered(request.headers.getall("Sec-WebSocket-Protocol", []))
        if not offered & set(PROTOCOLS):
            known = ", ".join(PROTOCOLS)
            raise bad_request(f"unable to upgrade: none of these protocols was offered: {known}")
        return
    offered = _offered(request.headers.getall(STREAM_PROTOCOL, []))
    if spdy.PROTOCOL not in offered:
        message = (
            "unable to upgrade: unable to negotiate protocol: client supports "
            f"[{' '.join(sorted(offered))}], server accepts [{spdy.PROTOCOL}]"
        )
        raise StatusError(403, "Forbidden", message)


def _offered(headers: list[str]) -> set[str]:
    return {name.strip() for header in headers for name in header.split(",") if name.strip()}
