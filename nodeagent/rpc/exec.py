"""The Exec call: a command in a container, or the container's own streams."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import grpc
from grpc.aio import ServicerContext

from nodeagent.pods.attempt import Attempt, RunningCommand
from nodeagent.pods.interfaces import ContainerNotFound
from nodeagent.pods.kubelet import Kubelet
from nodeagent.pods.runtime import StartError
from protos.gen.v1 import nodeagent_pb2 as pb

_QUEUE_MAX_PARTS: Final = 64
_NO_COMMAND: Final = 127
_NOT_STARTED: Final = 126

Context = ServicerContext[pb.ExecRequest, pb.ExecResponse]


async def exec_stream(
    pods: Kubelet, requests: AsyncIterator[pb.ExecRequest], context: Context
) -> AsyncIterator[pb.ExecResponse]:
    """Serves one call. When the caller goes away, the command and its children are killed."""
    first = await anext(requests, None)
    if first is None or first.WhichOneof("message") != "start":
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "the first request must be `start`")
    start = first.start
    if not start.attach and not start.command:
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "no command was given")
    attempt = await _running_attempt(pods, start.target, context)
    output = _Output()
    if start.attach:
        detach = attempt.attach(output.received)
        try:
            async for response in _converse(
                attempt, attempt.command, requests, output, start.stdin
            ):
                yield response
        finally:
            detach()
        return
    try:
        command = await attempt.execute(
            tuple(start.command), output.received, tty=start.tty, stdin=start.stdin
        )
    except StartError as error:
        code = _NO_COMMAND if error.not_found else _NOT_STARTED
        yield pb.ExecResponse(exit=pb.ExecExit(code=code, error=str(error)))
        return
    output.throttles(command)
    try:
        async for response in _converse(attempt, command, requests, output, start.stdin):
            yield response
    finally:
        attempt.kill_command(command)
        command.close()


async def _running_attempt(pods: Kubelet, target: pb.ContainerRef, context: Context) -> Attempt:
    try:
        runner = pods.container(target.namespace, target.pod, target.container)
    except ContainerNotFound as error:
        await context.abort(grpc.StatusCode.NOT_FOUND, str(error))
    if runner.attempt is None or runner.attempt.ended.is_set():
        text = f'container {runner.record.name} of pod "{target.pod}" is not running'
        await context.abort(grpc.StatusCode.FAILED_PRECONDITION, text)
    return runner.attempt


class _Output:
    """A bounded queue of output. The command waits while the caller does not read."""

    def __init__(self) -> None:
        self._parts: asyncio.Queue[pb.ExecResponse | None] = asyncio.Queue()
        self._command: RunningCommand | None = None

    def throttles(self, command: RunningCommand) -> None:
        self._command = command

    def received(self, stream: str, data: bytes) -> None:
        if self._command is None and self._parts.qsize() >= _QUEUE_MAX_PARTS:
            return  # attached: a container does not wait for its onlookers
        response = (
            pb.ExecResponse(stdout=data) if stream == "stdout" else pb.ExecResponse(stderr=data)
        )
        self._parts.put_nowait(response)
        if self._command is not None and self._parts.qsize() >= _QUEUE_MAX_PARTS:
            self._command.pause_output()

    def end(self) -> None:
        self._parts.put_nowait(None)

    async def next(self) -> pb.ExecResponse | None:
        response = await self._parts.get()
        if self._command is not None and self._parts.qsize() == _QUEUE_MAX_PARTS // 2:
            self._command.resume_output()
        return response


async def _converse(
    attempt: Attempt,
    command: RunningCommand,
    requests: AsyncIterator[pb.ExecRequest],
    output: _Output,
    wants_stdin: bool,
) -> AsyncIterator[pb.ExecResponse]:
    """Pass input on and output back until the command ends; then its exit code."""
    is_attached = command is attempt.command

    async def feed() -> None:
        async for request in requests:
            if (
                is_attached
                and not attempt.stdin_once
                and request.WhichOneof("message") == ("stdin_closed")
            ):
                continue  # the next one who attaches may go on
            await _feed(request, command, wants_stdin=wants_stdin)

    async def wait() -> int:
        if is_attached:
            await attempt.ended.wait()
            code = await command.process.wait()
        else:
            code = await command.finish()
        output.end()
        return code

    # No TaskGroup: gRPC closes this generator at a yield, and a group takes GeneratorExit for
    # the failure of one of its tasks.
    feeding = asyncio.ensure_future(feed())  # noqa: TID251
    waiting = asyncio.ensure_future(wait())  # noqa: TID251
    try:
        while (response := await output.next()) is not None:
            yield response
        yield pb.ExecResponse(exit=pb.ExecExit(code=await waiting))
    finally:
        feeding.cancel()
        waiting.cancel()
        await asyncio.gather(feeding, waiting, return_exceptions=True)


async def _feed(request: pb.ExecRequest, command: RunningCommand, *, wants_stdin: bool) -> None:
    match request.WhichOneof("message"):
        case "stdin" if wants_stdin and command.stdin is not None:
            await command.stdin.write(request.stdin)
        case "stdin_closed" if command.stdin is not None:
            command.close_stdin()
        case "resize":
            command.resize(request.resize.width, request.resize.height)
