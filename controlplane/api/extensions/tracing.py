"""One live trace: all nodes watch while a pod fetches a URL."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from controlplane.api.errors import StatusError
from controlplane.api.extensions import wire
from controlplane.api.extensions.watching import NodesWatch
from controlplane.rpc.agent_types import ExecCommand, Exit, StdinClosed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from typing import Any

    from controlplane.rpc.agent_types import ContainerTarget, ExecInput
    from controlplane.rpc.agents import Agent, Agents

FETCH = ("kubehop-http-get", "--json")
"""A program that every pod has. Its last argument is the URL."""
TIMED_OUT = 124
"""As timeout(1) exits."""
_MAX_OUTPUT_BYTES = 1 << 20


@dataclass(slots=True)
class Executed:
    """What a command has written so far, and how it ended."""

    exit_code: int | None = None
    stdout: bytearray = field(default_factory=bytearray)
    stderr: bytearray = field(default_factory=bytearray)
    refused: StatusError | None = None


class LiveTrace:
    """Watches `addresses` on the named nodes. Use once."""

    def __init__(self, agents: Agents, nodes: list[str], addresses: tuple[str, ...]) -> None:
        self._watch = NodesWatch(agents, nodes, addresses)

    async def run(
        self, agent: Agent, target: ContainerTarget, url: str, timeout_s: float
    ) -> list[dict[str, Any]]:
        """Packets by time, then what was lost, then how the fetch ended.

        Ends when the fetch did and nothing was seen for QUIET_S, at latest after `timeout_s`.
        Raises StatusError when the command could not be run at all.
        """
        fetched = Executed()
        async with asyncio.TaskGroup() as tasks:
            watching = self._watch.start(tasks)
            try:
                async with asyncio.timeout(timeout_s):
                    await self._watch.all_armed()
                    await execute(agent, ExecCommand(target, (*FETCH, url)), fetched)
                    await self._watch.quiet()
            except TimeoutError:
                self._watch.note_unarmed(timeout_s)
            for task in watching:
                task.cancel()
        if fetched.refused is not None:
            raise fetched.refused
        return [*self._watch.packets(), *self._watch.warnings(), _ended(fetched, timeout_s)]


def _ended(fetched: Executed, timeout_s: float) -> dict[str, Any]:
    exit_code = fetched.exit_code
    if exit_code is None:
        exit_code = TIMED_OUT
        fetched.stderr += f"no answer within {timeout_s:g} s\n".encode()
    return wire.result(exit_code, bytes(fetched.stdout), bytes(fetched.stderr))


async def execute(
    agent: Agent,
    command: ExecCommand,
    executed: Executed,
    on_output: Callable[[], None] = lambda: None,
) -> None:
    """Run a command without input to its end; what it writes is kept as it comes."""

    async def no_input() -> AsyncIterator[ExecInput]:
        yield StdinClosed()

    try:
        async with contextlib.aclosing(agent.exec(command, no_input())) as outputs:
            async for output in outputs:
                if isinstance(output, Exit):
                    executed.exit_code = output.code
                    executed.stderr += output.error.encode()
                    return
                kept = executed.stdout if output.stream == "stdout" else executed.stderr
                kept += output.data[: max(0, _MAX_OUTPUT_BYTES - len(kept))]
                on_output()
    except StatusError as error:
        executed.refused = error
