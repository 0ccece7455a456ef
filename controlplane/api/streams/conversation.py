"""One exec or attach between a client's connection and the agent that runs the command."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Protocol

from controlplane.api.errors import StatusError
from controlplane.api.streams.channels import exit_status, failure_status
from controlplane.rpc.agent_types import Exit, StdinClosed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from controlplane.rpc.agent_types import ExecCommand, ExecInput, Output
    from controlplane.rpc.agents import Agent

_MAX_QUEUED_INPUTS = 16


class ClientConnection(Protocol):
    """The client's side, whatever the transport."""

    async def receive(self) -> ExecInput | None:
        """What the client says next, None when it is gone."""

    async def send(self, output: Output) -> None:
        """Passes output on. Raises ConnectionError when the client is gone."""

    async def finish(self, status: dict[str, Any]) -> None:
        """Says how it ended, and ends."""


class _ClientGone(Exception):
    """The client closed its connection before the command ended."""


async def converse(
    client: ClientConnection, agent: Agent, command: ExecCommand, wanted: frozenset[str]
) -> None:
    """Runs the command for the client to its end; a client that goes away ends the command.

    `wanted` are the output streams that the client asked for: stdout, stderr.
    """
    inputs: asyncio.Queue[ExecInput] = asyncio.Queue(_MAX_QUEUED_INPUTS)
    status: dict[str, Any] | None = None
    try:
        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(_read(client, inputs))
            status = await _run(client, agent, command, inputs, wanted)
            reading.cancel()
    except* (_ClientGone, ConnectionError):
        pass
    if status is not None:
        with contextlib.suppress(ConnectionError, TimeoutError):
            await client.finish(status)


async def _read(client: ClientConnection, inputs: asyncio.Queue[ExecInput]) -> None:
    while (item := await client.receive()) is not None:
        await inputs.put(item)
    raise _ClientGone


async def _run(
    client: ClientConnection,
    agent: Agent,
    command: ExecCommand,
    inputs: asyncio.Queue[ExecInput],
    wanted: frozenset[str],
) -> dict[str, Any]:
    async def items() -> AsyncIterator[ExecInput]:
        if not command.stdin:
            yield StdinClosed()
        while True:
            yield await inputs.get()

    try:
        async with contextlib.aclosing(agent.exec(command, items())) as outputs:
            async for output in outputs:
                if isinstance(output, Exit):
                    return exit_status(output)
                if output.stream in wanted:
                    await client.send(output)
    except StatusError as error:
        return failure_status(error.message)
    return failure_status(f"the agent of {agent.node_name} ended the call without an exit code")
