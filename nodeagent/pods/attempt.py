"""One run of a container: its process, its streams and its log."""

import asyncio
import contextlib
import fcntl
import os
import pty
import signal
import struct
import termios
from collections.abc import Callable
from pathlib import Path
from typing import Final

from nodeagent.pods.clock import Clock
from nodeagent.pods.container_spec import exec_command
from nodeagent.pods.logfile import ContainerLog
from nodeagent.pods.runtime import ContainerRuntime, Process
from nodeagent.pods.streams import PipeReader, PipeWriter, close_all
from nodeagent.workloads.spec import CommandSpec, ContainerSpec, ExecSpec

OutputListener = Callable[[str, bytes], None]
"""Gets `stdout` or `stderr` and what was written."""

_CAPTURE_MAX_BYTES: Final = 64 * 1024
_DRAIN_S: Final = 2.0


class StandardStreams:
    """Our and the process's ends of three pipes, or of a terminal."""

    def __init__(self, *, tty: bool, stdin: bool) -> None:
        self.tty = tty
        self.terminal: int | None = None
        self.stdin: int | None = None
        self.outputs: dict[str, int] = {}
        if tty:
            ours, theirs = pty.openpty()
            self.terminal = ours
            self.stdin = os.dup(ours) if stdin else None
            self.outputs = {"stdout": ours}
            self.process_fds = [theirs, os.dup(theirs), os.dup(theirs)]
            return
        self.process_fds = []
        if stdin:
            read, self.stdin = os.pipe()
            self.process_fds.append(read)
        else:
            self.process_fds.append(os.open(os.devnull, os.O_RDONLY))
        for name in ("stdout", "stderr"):
            self.outputs[name], write = os.pipe()
            self.process_fds.append(write)

    def started(self) -> None:
        """The process has its ends; ours of them would hide its end."""
        close_all(*self.process_fds)
        self.process_fds = []

    def abandon(self) -> None:
        """Nothing was started."""
        self.started()
        close_all(*self.outputs.values(), *([] if self.stdin is None else [self.stdin]))


class RunningCommand:
    """A started container or exec command with readers on its output."""

    def __init__(
        self, process: Process, streams: StandardStreams, listener: OutputListener
    ) -> None:
        self.process = process
        self._terminal = streams.terminal
        self._paused = False
        self._was_busy = False
        self._readers = [
            PipeReader(fd, self._listen(listener, name)) for name, fd in streams.outputs.items()
        ]
        self.stdin = None if streams.stdin is None else PipeWriter(streams.stdin)

    def resize(self, width: int, height: int) -> None:
        if self._terminal is not None and not self._readers[0].done.done():
            size = struct.pack("HHHH", min(height, 65535), min(width, 65535), 0, 0)
            fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, size)

    def close_stdin(self) -> None:
        """The process reads the end of its input. On a terminal that is Ctrl-D."""
        if self.stdin is None:
            return
        if self._terminal is not None:
            with contextlib.suppress(OSError):
                os.write(self._terminal, b"\x04")
        self.stdin.close()

    def pause_output(self) -> None:
        self._paused = True
        for reader in self._readers:
            reader.pause()

    def resume_output(self) -> None:
        self._paused = False
        for reader in self._readers:
            reader.resume()

    async def finish(self) -> int:
        """The exit code, once all output is read.

        A descendant that keeps the output open is not waited for: silence ends the reading.
        """
        try:
            code = await self.process.wait()
            while not all(reader.done.done() for reader in self._readers):
                if not await self._drained_or_busy():
                    break
        finally:
            self.close()
        return code

    async def _drained_or_busy(self) -> bool:
        self._was_busy = False
        try:
            async with asyncio.timeout(_DRAIN_S):
                for reader in self._readers:
                    await asyncio.shield(reader.done)
        except TimeoutError:
            return self._was_busy or self._paused
        return True

    def _listen(self, listener: OutputListener, name: str) -> Callable[[bytes], None]:
        def received(data: bytes) -> None:
            self._was_busy = True
            listener(name, data)

        return received

    def close(self) -> None:
        for reader in self._readers:
            reader.close()
        if self.stdin is not None:
            self.stdin.close()


class Attempt:
    """A running container: log, attached listeners and further commands in it."""

    def __init__(self, runtime: ContainerRuntime, spec: ContainerSpec, log: ContainerLog) -> None:
        self._runtime = runtime
        self._spec = spec
        self.log = log
        self._listeners: list[OutputListener] = []
        self.ended = asyncio.Event()
        self.stdin_once = False
        """The container's input ends with that of the first who attaches."""
        self._command: RunningCommand | None = None

    @classmethod
    async def start(
        cls,
        runtime: ContainerRuntime,
        spec: ContainerSpec,
        log_path: Path,
        clock: Clock,
        *,
        stdin: bool,
    ) -> "Attempt":
        """Raises StartError."""
        log = ContainerLog(log_path)
        attempt = cls(runtime, spec, log)
        streams = StandardStreams(tty=spec.command.tty, stdin=stdin)

        def received(stream: str, data: bytes) -> None:
            log.write(stream, data, clock.wall_ns())
            for listener in tuple(attempt._listeners):
                listener(stream, data)

        try:
            process = await runtime.start_container(spec, streams.process_fds)
        except BaseException:
            streams.abandon()
            log.close(clock.wall_ns())
            raise
        streams.started()
        attempt._command = RunningCommand(process, streams, received)
        return attempt

    @property
    def command(self) -> RunningCommand:
        assert self._command is not None
        return self._command

    async def finish(self, clock: Clock) -> int:
        """Waits for the end and closes the log."""
        try:
            code = await self.command.finish()
        finally:
            self.log.close(clock.wall_ns())
            self.ended.set()
        return code

    def kill(self, number: int) -> None:
        self._runtime.kill(self.command.process, number)

    def attach(self, listener: OutputListener) -> Callable[[], None]:
        """Output from now on goes to the listener, too; call the result to stop that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def execute(
        self, argv: tuple[str, ...], listener: OutputListener, *, tty: bool, stdin: bool
    ) -> RunningCommand:
        """Start one more command in the container. Raises StartError."""
        streams = StandardStreams(tty=tty, stdin=stdin)
        command: CommandSpec = exec_command(self._spec.command, argv, tty=tty)
        spec = ExecSpec(self.command.process.pid, command)
        try:
            process = await self._runtime.start_exec(spec, streams.process_fds)
        except BaseException:
            streams.abandon()
            raise
        streams.started()
        return RunningCommand(process, streams, listener)

    def kill_command(self, command: RunningCommand) -> None:
        self._runtime.kill(command.process, signal.SIGKILL, group=True)

    async def capture(self, argv: tuple[str, ...]) -> tuple[int, str]:
        """Exit code and output of a command, as probes and hooks need it. Raises StartError."""
        output = bytearray()

        def received(_stream: str, data: bytes) -> None:
            if len(output) < _CAPTURE_MAX_BYTES:
                output.extend(data[:_CAPTURE_MAX_BYTES])

        command = await self.execute(argv, received, tty=False, stdin=False)
        try:
            code = await command.finish()
        except asyncio.CancelledError:
            self.kill_command(command)
            command.close()
            raise
        return code, output.decode(errors="replace")
