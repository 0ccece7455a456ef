"""Running the command: its whole process group, and a bounded part of what it writes."""

from __future__ import annotations

import ctypes
import os
import selectors
import signal
import subprocess
import time
from typing import IO, TYPE_CHECKING

from kubehop.local.identity import wait_for_end
from kubehop.matrix.trial import Finished, Output
from netcore.model.errors import KubehopError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

KEPT_BYTES = 1 << 20
_CHUNK = 1 << 16
_LAST_CHUNKS = 16
"""A pipe holds no more (pipe(7): 1 MiB); who still writes to it then has left the group."""
_GRACE_S = 2.0
_SHELL_SIGNAL_BASE = 128
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


class CannotRun(KubehopError):
    """The command cannot be started; the message names it and says why."""


def run_command(command: Sequence[str], environment: Mapping[str, str]) -> Finished:
    """Runs `command` without a shell and with nothing to read; whatever it leaves running ends.

    Of each output the first KEPT_BYTES are kept. It is in a session of its own: Ctrl-C reaches
    this process alone, and its end is the end of the command. Raises CannotRun.
    """
    began = time.monotonic()
    try:
        process = subprocess.Popen(
            command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )
    except OSError as error:
        raise CannotRun(f"cannot run {command[0]}: {error.strerror}") from error
    with process:
        stdout, stderr = _watch(process)
    code = process.returncode
    exit_code = code if code >= 0 else _SHELL_SIGNAL_BASE - code
    return Finished(exit_code, time.monotonic() - began, stdout, stderr)


def _die_with_parent() -> None:
    """Also when this process is killed: the cluster goes then, too. There are no threads here."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


class _Capture:
    def __init__(self, stream: IO[bytes]) -> None:
        self.descriptor = stream.fileno()
        os.set_blocking(self.descriptor, False)
        self._kept, self._length = bytearray(), 0

    def read(self) -> bool:
        """Whether there may be more; of what is there now at most one chunk is read."""
        try:
            chunk = os.read(self.descriptor, _CHUNK)
        except BlockingIOError:
            return False
        self._length += len(chunk)
        self._kept += chunk[: KEPT_BYTES - len(self._kept)]
        return bool(chunk)

    def output(self) -> Output:
        return Output(bytes(self._kept), self._length)


def _watch(process: subprocess.Popen[bytes]) -> tuple[Output, Output]:
    """What the process writes until it ends: a child that it leaves may hold the pipes for ever.

    Its process group has ended afterwards, whatever happens here.
    """
    streams = filter(None, (process.stdout, process.stderr))
    stdout, stderr = captures = tuple(map(_Capture, streams))
    pidfd = os.pidfd_open(process.pid)
    try:
        _read_until_end(pidfd, captures)
    except BaseException:
        os.killpg(process.pid, signal.SIGTERM)
        wait_for_end(pidfd, _GRACE_S)
        raise
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # not reaped yet: the group is still its own
        os.close(pidfd)
    for capture in captures:
        for _ in range(_LAST_CHUNKS):
            if not capture.read():
                break
    return stdout.output(), stderr.output()


def _read_until_end(pidfd: int, captures: Sequence[_Capture]) -> None:
    readers = {capture.descriptor: capture for capture in captures}
    with selectors.DefaultSelector() as selector:
        for descriptor in (pidfd, *readers):
            selector.register(descriptor, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fd == pidfd:
                    return
                if not readers[key.fd].read():
                    selector.unregister(key.fd)
