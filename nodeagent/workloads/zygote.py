"""The warm process: forks sandboxes, containers and execs, reaps them and says how they ended.

Single-threaded by nature, since namespaces belong to threads and fork copies only one. It holds
no policy: the agent says what to run and whom to signal. All of its children die with it, and
it dies with the agent.

Requests are packets `{"op": sandbox | container | exec | signal, "id", ...}`, answers
`{"id", "pid"}` or `{"id", "error"}`, and `{"exit": pid, "code": code}` when a child has ended.
The first descriptor of a start request is a pipe: it closes silently when the command runs, or
carries a JSON object `{"error", "kind"}` before it closes.
"""

import contextlib
import gc
import json
import os
import selectors
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from typing import Any, Final, NoReturn

from nodeagent.workloads import programs, syscalls
from nodeagent.workloads.container import (
    CommandNotFound,
    enter_container,
    join_namespaces,
    run_command,
)
from nodeagent.workloads.messages import receive, send
from nodeagent.workloads.sandbox import enter_sandbox, hold
from nodeagent.workloads.spec import ContainerSpec, ExecSpec, SandboxSpec

_FD_LIMIT: Final = 1024  # the zygote itself never has more than some dozens


class Zygote:
    """Serves one agent over one connected SEQPACKET socket."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._children: set[int] = set()
        self._lifeline_r, self._lifeline_w = os.pipe()
        self._own_pid_namespace = os.open("/proc/self/ns/pid", os.O_RDONLY)
        self._wake_r, self._wake_w = os.pipe()
        os.set_blocking(self._wake_w, False)
        os.set_blocking(self._wake_r, False)

    def serve(self) -> None:
        """Until the agent is gone. Every child is dead afterwards."""
        signal.set_wakeup_fd(self._wake_w, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        selector = selectors.DefaultSelector()
        selector.register(self._sock, selectors.EVENT_READ)
        selector.register(self._wake_r, selectors.EVENT_READ)
        while True:
            for key, _events in selector.select():
                if key.fileobj is self._sock:
                    packet = receive(self._sock)
                    if packet is None:
                        self._kill_all()
                        return
                    self._handle(*packet)
                else:
                    with contextlib.suppress(BlockingIOError):
                        os.read(self._wake_r, 4096)
                    self._reap()

    def _handle(self, message: dict[str, Any], fds: list[int]) -> None:
        try:
            if message["op"] == "signal":
                self._signal(message)
                return
            pid = self._start(message, fds)
            self._children.add(pid)
            send(self._sock, {"id": message["id"], "pid": pid})
        except OSError as error:
            send(self._sock, {"id": message.get("id"), "error": str(error)})
        finally:
            for fd in fds:
                os.close(fd)

    def _start(self, message: dict[str, Any], fds: list[int]) -> int:
        match message["op"]:
            case "sandbox":
                return self._fork(_sandbox_main, SandboxSpec.from_json(message["spec"]), fds)
            case "container":
                spec = ContainerSpec.from_json(message["spec"])
                with self._new_pid_namespace():
                    return self._fork(_container_main, spec, fds)
            case "exec":
                exec_spec = ExecSpec.from_json(message["spec"])
                with self._pid_namespace_of(exec_spec.container_pid):
                    return self._fork(_exec_main, exec_spec, fds)
            case unknown:
                raise OSError(22, f"unknown operation {unknown!r}")

    @contextlib.contextmanager
    def _new_pid_namespace(self) -> Iterator[None]:
        syscalls.unshare(syscalls.CLONE_NEWPID)
        try:
            yield
        finally:
            syscalls.setns(self._own_pid_namespace, syscalls.CLONE_NEWPID)

    @contextlib.contextmanager
    def _pid_namespace_of(self, pid: int) -> Iterator[None]:
        if pid not in self._children:
            raise OSError(3, "the container is not running")
        fd = os.open(f"/proc/{pid}/ns/pid", os.O_RDONLY)
        try:
            syscalls.setns(fd, syscalls.CLONE_NEWPID)
            yield
        finally:
            syscalls.setns(self._own_pid_namespace, syscalls.CLONE_NEWPID)
            os.close(fd)

    def _fork(self, run: Callable[[Any, int], None], spec: Any, fds: list[int]) -> int:
        pid = os.fork()
        if pid:
            return pid
        self._become_child(run, spec, fds)

    def _become_child(self, run: Callable[[Any, int], None], spec: Any, fds: list[int]) -> NoReturn:
        """Never returns into the zygote's loop, whatever happens."""
        status_fd = -1
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            os.setsid()
            syscalls.die_with_parent()
            os.close(self._lifeline_w)
            if not _alive(self._lifeline_r):
                os._exit(137)
            status_fd = _arrange_descriptors(fds)
            run(spec, status_fd)
            os._exit(0)
        except BaseException as error:
            _report(status_fd, error)
            os._exit(128)

    def _signal(self, message: dict[str, Any]) -> None:
        pid, number = message["pid"], message["signal"]
        if pid not in self._children:
            return
        with contextlib.suppress(ProcessLookupError):
            if message.get("group"):
                os.killpg(pid, number)
            else:
                os.kill(pid, number)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._children.discard(pid)
            code = os.waitstatus_to_exitcode(status)
            send(self._sock, {"exit": pid, "code": code if code >= 0 else 128 - code})

    def _kill_all(self) -> None:
        for pid in self._children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in self._children:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)


def _alive(lifeline: int) -> bool:
    """False when the zygote ended before the kernel was asked to watch it."""
    with selectors.SelectSelector() as selector:
        selector.register(lifeline, selectors.EVENT_READ)
        return not selector.select(0)


def _arrange_descriptors(fds: list[int]) -> int:
    """Put stdin, stdout, stderr in their places, the status pipe on 3, and close the rest."""
    high = [os.dup(fd) if fd <= 3 else fd for fd in fds]
    for number, fd in enumerate(high[1:4]):
        os.dup2(fd, number)
    os.dup2(high[0], 3, inheritable=False)
    os.closerange(4, _FD_LIMIT)
    return 3


def _report(status_fd: int, error: BaseException) -> None:
    kind = "NotFound" if isinstance(error, CommandNotFound) else "Setup"
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    with contextlib.suppress(OSError):
        os.write(status_fd, json.dumps({"error": text[:4096], "kind": kind}).encode())


def _sandbox_main(spec: SandboxSpec, status_fd: int) -> None:
    enter_sandbox(spec)
    os.close(status_fd)
    for fd in range(3):  # it has nothing to say or to hear
        os.dup2(os.open(os.devnull, os.O_RDWR), fd)
    hold()


def _container_main(spec: ContainerSpec, status_fd: int) -> None:
    enter_container(spec)
    run_command(spec.command, status_fd)


def _exec_main(spec: ExecSpec, status_fd: int) -> None:
    join_namespaces(spec.container_pid)
    run_command(spec.command, status_fd)


def _why_not() -> str:
    """What forbids to make containers, or nothing."""
    with open("/proc/self/ns/pid") as own:
        try:
            # To come back from a container's PID namespace, our own must be ours: it is not
            # in a user namespace that was made without a PID namespace.
            syscalls.setns(own.fileno(), syscalls.CLONE_NEWPID)
        except PermissionError:
            return (
                "no right to make PID namespaces: run as root, or in a user namespace with a "
                "PID namespace of its own (unshare --user --map-root-user --pid --fork)"
            )
    return ""


def main() -> None:
    """`python -m nodeagent.workloads.zygote FD`, FD being the agent's inherited socket."""
    sock = socket.socket(fileno=int(sys.argv[1]))
    os.setsid()
    syscalls.die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the agent decides: its end is our end
    syscalls.set_name("kubehop-zygote")
    refusal = _why_not()
    if refusal:
        send(sock, {"fatal": refusal})
        while receive(sock) is not None:
            pass  # closing with unread requests would lose our last words
        return
    programs.preload()
    gc.collect()
    gc.disable()
    gc.freeze()
    send(sock, {"ready": os.getpid()})
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        Zygote(sock).serve()


if __name__ == "__main__":
    main()
