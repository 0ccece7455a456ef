"""The Send call: one packet from the node's own network."""

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE
from contextlib import suppress
from typing import Final

import grpc

from protos.gen.v1 import nodeagent_pb2 as pb

PROGRAM: Final = (sys.executable, "-m", "nodeagent.workloads.packet.main")
MAX_RUNNING: Final = 16
_USAGE: Final = 2


class Sends:
    """Answers NodeAgent.Send. The program ends with its call."""

    def __init__(self) -> None:
        self._running = 0

    async def send(
        self,
        request: pb.SendRequest,
        context: grpc.aio.ServicerContext[pb.SendRequest, pb.SendResponse],
    ) -> pb.SendResponse:
        """Aborts with INVALID_ARGUMENT, or RESOURCE_EXHAUSTED: too many at once."""
        if self._running >= MAX_RUNNING:
            message = f"{self._running} packets of this node are on their way: try again later"
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, message)
        self._running += 1
        try:
            answer = await _run(tuple(request.arguments))
        finally:
            self._running -= 1
        if answer.code == _USAGE:
            text = answer.stderr.decode(errors="replace").strip()
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, text)
        return answer


async def _run(arguments: tuple[str, ...]) -> pb.SendResponse:
    process = await asyncio.create_subprocess_exec(
        *PROGRAM, *arguments, stdin=DEVNULL, stdout=PIPE, stderr=PIPE
    )
    try:
        stdout, stderr = await process.communicate()
        return pb.SendResponse(code=process.returncode or 0, stdout=stdout, stderr=stderr)
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
