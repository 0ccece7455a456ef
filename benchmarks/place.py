"""A network namespace that measuring programs run in."""

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from netcore.model.errors import KubehopError

_START_PATIENCE_S = 10.0
_END_PATIENCE_S = 5.0
_LISTEN = "0A"


class ProbeFailed(KubehopError):
    """A program did not do what a figure needs; the message has its words."""


@dataclass(frozen=True, slots=True)
class Place:
    """A namespace, by a descriptor of this process: nothing is mounted, nothing stays."""

    name: str
    netns: int

    @property
    def path(self) -> str:
        return f"/proc/{os.getpid()}/fd/{self.netns}"

    def command(self, *args: str) -> list[str]:
        """The command line which runs `args` inside; it ends with this process at the latest."""
        die_too = ("setpriv", "--pdeathsig", "KILL", "--")
        return ["nsenter", f"--net={self.path}", "--", *die_too, *args]

    def run(self, *args: str, timeout_s: float = 20.0, stdin: str = "") -> str:
        """What the command prints. Raises ProbeFailed when it fails or takes longer."""
        try:
            done = subprocess.run(
                self.command(*args),
                input=stdin,
                capture_output=True,
                text=True,
                check=False,
                timeout=timeout_s,
            )
        except subprocess.TimeoutExpired:
            raise ProbeFailed(f"{self.name}: {args[0]} takes more than {timeout_s:g} s") from None
        if done.returncode != 0:
            words = " ".join((done.stderr.strip() or done.stdout.strip()).split())
            raise ProbeFailed(f"{self.name}: {args[0]}: {words[-300:]}")
        return done.stdout

    @contextlib.contextmanager
    def serving(self, port: int, *args: str) -> Iterator[None]:
        """A server which is listening on the TCP port, and is ended afterwards."""
        quiet = subprocess.DEVNULL
        server = subprocess.Popen(self.command(*args), stdin=quiet, stdout=quiet, stderr=quiet)
        try:
            self._await_listening(server, port, args[0])
            yield
        finally:
            server.terminate()
            try:
                server.wait(_END_PATIENCE_S)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()

    def _await_listening(self, server: "subprocess.Popen[bytes]", port: int, program: str) -> None:
        deadline = time.monotonic() + _START_PATIENCE_S
        while not self._listens(server.pid, port):
            if server.poll() is not None or time.monotonic() > deadline:
                raise ProbeFailed(f"{self.name}: {program} does not listen on port {port}")
            time.sleep(0.01)

    def _listens(self, pid: int, port: int) -> bool:
        """Asked of /proc: a connection would be one more client than the measured ones."""
        process = Path(f"/proc/{pid}")
        try:
            if os.stat(process / "ns/net").st_ino != os.fstat(self.netns).st_ino:
                return False  # it is still on its way into the namespace
            tables = (process / "net/tcp").read_text() + (process / "net/tcp6").read_text()
        except OSError:
            return False
        sockets = (line.split() for line in tables.splitlines())
        return any(x[1].endswith(f":{port:04X}") and x[3] == _LISTEN for x in sockets)
