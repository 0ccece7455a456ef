"""The agent's end of the zygote: starts sandboxes, containers, execs; learns how they end."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from typing import Any, Protocol

from netcore.model.errors import KubehopError
from nodeagent.workloads.messages import receive, send
from nodeagent.workloads.spec import ContainerSpec, ExecSpec, SandboxSpec


class StartError(KubehopError):
    """A sandbox, container or exec could not be started. `not_found`: no such command."""

    def __init__(self, message: str, *, not_found: bool = False) -> None:
        super().__init__(message)
        self.not_found = not_found


class ZygoteLost(KubehopError):
    """The process that all containers descend from has ended, and they with it."""


class Process:
    """A child of the zygote. `exited` gives its exit code, 128 + signal when killed."""

    def __init__(self, pid: int, exited: "asyncio.Future[int]") -> None:
        self.pid = pid
        self.exited = exited

    async def wait(self) -> int:
        return await asyncio.shield(self.exited)


class ContainerRuntime(Protocol):
    """Every `start_*` takes over no descriptor: the caller closes its own. Raises StartError."""

    async def start_sandbox(self, spec: SandboxSpec) -> Process: ...

    async def start_container(self, spec: ContainerSpec, stdio: Sequence[int]) -> Process: ...

    async def start_exec(self, spec: ExecSpec, stdio: Sequence[int]) -> Process: ...

    def kill(self, process: Process, number: int, *, group: bool = False) -> None: ...


class ZygoteRuntime:
    """Spawn it early, before the agent is big; `run` serves it inside the event loop."""

    def __init__(self, process: subprocess.Popen[bytes], sock: socket.socket) -> None:
        self._process = process
        self._sock = sock
        self._ids = 0
        self._pending: dict[int, asyncio.Future[Process]] = {}
        self._exits: dict[int, asyncio.Future[int]] = {}
        self._outgoing: deque[tuple[dict[str, Any], list[int]]] = deque()
        self._lost: asyncio.Future[None] | None = None
        self._failed = ""

    @property
    def pid(self) -> int:
        return self._process.pid

    @classmethod
    def spawn(cls) -> "ZygoteRuntime":
        """Start the warm process; it dies with this one. Call from the main thread."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-m", "nodeagent.workloads.zygote", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
            )
        ours.setblocking(False)
        return cls(process, ours)

    async def run(self) -> None:
        """Serve until cancelled. Raises ZygoteLost when the zygote ends by itself."""
        loop = asyncio.get_running_loop()
        lost = self._future_of_loss()
        loop.add_reader(self._sock, self._on_readable)
        try:
            await lost
        finally:
            self._stop_watching()

    def _stop_watching(self) -> None:
        if self._sock.fileno() >= 0:
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._sock)
            loop.remove_writer(self._sock)

    async def close(self) -> None:
        """End the zygote and with it everything it has started. Idempotent."""
        self._stop_watching()
        self._sock.close()
        try:
            await asyncio.to_thread(self._process.wait, 5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            await asyncio.to_thread(self._process.wait)
        self._fail(ZygoteLost("the container runtime was closed"))

    async def start_sandbox(self, spec: SandboxSpec) -> Process:
        return await self._start("sandbox", spec.to_json(), ())

    async def start_container(self, spec: ContainerSpec, stdio: Sequence[int]) -> Process:
        return await self._start("container", spec.to_json(), stdio)

    async def start_exec(self, spec: ExecSpec, stdio: Sequence[int]) -> Process:
        return await self._start("exec", spec.to_json(), stdio)

    def kill(self, process: Process, number: int, *, group: bool = False) -> None:
        """Send a signal unless the process has ended; with `group` to its process group."""
        if not process.exited.done():
            request = {"op": "signal", "pid": process.pid, "signal": number, "group": group}
            self._send(request, [])

    async def _start(self, operation: str, spec: dict[str, Any], stdio: Sequence[int]) -> Process:
        if self._failed:
            raise StartError(self._failed)
        status_r, status_w = os.pipe()
        try:
            self._ids += 1
            answered: asyncio.Future[Process] = asyncio.get_running_loop().create_future()
            self._pending[self._ids] = answered
            fds = [status_w, *(os.dup(fd) for fd in stdio)]
            self._send({"op": operation, "id": self._ids, "spec": spec}, fds)
            process = await answered
            try:
                report = await _read_to_end(status_r)
            except asyncio.CancelledError:
                self.kill(process, signal.SIGKILL)
                raise
        finally:
            os.close(status_r)
        if report:
            await process.wait()
            told = json.loads(report)
            raise StartError(told["error"], not_found=told["kind"] == "NotFound")
        return process

    def _send(self, message: dict[str, Any], fds: list[int]) -> None:
        self._future_of_loss()
        self._outgoing.append((message, fds))
        self._flush()

    def _flush(self) -> None:
        loop = asyncio.get_running_loop()
        while self._outgoing:
            message, fds = self._outgoing[0]
            try:
                send(self._sock, message, fds)
            except BlockingIOError:
                loop.add_writer(self._sock, self._flush)
                return
            except OSError:
                self._on_readable()  # its last words, then the end
            self._outgoing.popleft()
            for fd in fds:
                os.close(fd)
        loop.remove_writer(self._sock)

    def _on_readable(self) -> None:
        while True:
            try:
                packet = receive(self._sock)
            except BlockingIOError:
                return
            except OSError:
                packet = None
            if packet is None:
                self._fail(ZygoteLost(_LOST))
                return
            self._handle(packet[0])

    def _handle(self, message: dict[str, Any]) -> None:
        if "fatal" in message:
            self._fail(ZygoteLost(message["fatal"]))
            return
        if "exit" in message:
            ended = self._exits.pop(message["exit"], None)
            if ended is not None and not ended.done():
                ended.set_result(message["code"])
            return
        answered = self._pending.pop(message.get("id", -1), None)
        if answered is None:
            return
        if "pid" not in message:
            if not answered.done():
                answered.set_exception(StartError(message["error"]))
            return
        exited: asyncio.Future[int] = answered.get_loop().create_future()
        self._exits[message["pid"]] = exited
        process = Process(message["pid"], exited)
        if answered.done():  # nobody waits any more: what was started must not stay
            self.kill(process, signal.SIGKILL)
        else:
            answered.set_result(process)

    def _future_of_loss(self) -> "asyncio.Future[None]":
        if self._lost is None:
            self._lost = asyncio.get_running_loop().create_future()
        return self._lost

    def _fail(self, error: ZygoteLost) -> None:
        for exited in self._exits.values():
            if not exited.done():
                exited.set_result(137)
        for answered in self._pending.values():
            if not answered.done():
                answered.set_exception(StartError(str(error)))
        self._exits.clear()
        self._pending.clear()
        self._failed = self._failed or str(error)
        if self._lost is not None and not self._lost.done():
            self._lost.set_exception(error)
            self._lost.exception()  # seen by `run`; without it nobody has to look


_LOST = "the zygote (the parent of all containers) has died: all pods of this node have ended"


async def _read_to_end(fd: int) -> bytes:
    """All bytes of a pipe until its other end is closed everywhere."""
    loop = asyncio.get_running_loop()
    os.set_blocking(fd, False)
    ended: asyncio.Future[None] = loop.create_future()
    parts: list[bytes] = []

    def read() -> None:
        with contextlib.suppress(BlockingIOError):
            part = os.read(fd, 65536)
            parts.append(part)
            if not part and not ended.done():
                ended.set_result(None)

    loop.add_reader(fd, read)
    try:
        await ended
    finally:
        loop.remove_reader(fd)
    return b"".join(parts)
