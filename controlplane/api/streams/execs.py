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
from controlplane.api.streams.target import find_place
from controlplane.api.streams.websocket import WebSocketConnection
from controlplane.rpc.agent_types import ExecCommand

if TYPE_CHECKING:
    from aiohttp import web
    from multidict import MultiMapping

    from controlplane.api.http.request_info import RequestInfo
    from controlplane.api.streams.target import Place
    from controlplane.rpc.agents import Agents, NodeReader

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
        if upgrade != "websocket":
            raise bad_request("Upgrade request required")
        check_protocol(request.headers.getall("Sec-WebSocket-Protocol", []))
        agent = await self._agents.at(place.node_name)
        command = ExecCommand(
            place.target, options.command, options.stdin, options.tty, self._attach
        )
        connection = WebSocketConnection()
        await connection.open(request, stdout=options.stdout, stderr=options.stderr)
        await converse(connection, agent, command, options.outputs)
        return connection.response


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


def check_protocol(offered: list[str]) -> None:
    """Raises StatusError 400 for a WebSocket client that knows none of the protocols."""
    names = {name.strip() for header in offered for name in header.split(",")}
    if not names & set(PROTOCOLS):
        known = ", ".join(PROTOCOLS)
        raise bad_request(f"unable to upgrade: none of these protocols was offered: {known}")
