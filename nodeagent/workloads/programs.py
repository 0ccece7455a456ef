"""The builtin programs by name: the only place that names them all.

Each is `main(args) -> exit code`. In the zygote they are imported beforehand; reached through a
shim (`exec python ... main(name, args)`) only the wanted one is.
"""

import contextlib
import gc
import importlib
import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Final, NoReturn

from nodeagent.workloads import start_notice, syscalls
from nodeagent.workloads.flags import UsageError

PROGRAMS: Final = {
    "agnhost": "nodeagent.workloads.agnhost.main",
    "http-echo": "nodeagent.workloads.http_echo",
    "kubehop-http-get": "nodeagent.workloads.http_get",
    "kubehop-packet": "nodeagent.workloads.packet.main",
    "nginx": "nodeagent.workloads.nginx",
    "pause": "nodeagent.workloads.agnhost.pause",
    "whoami": "nodeagent.workloads.whoami",
}

_SERVERS: Final = frozenset({"agnhost", "http-echo", "nginx", "whoami"})
"""Those which say themselves when they have started."""

USER_PROGRAMS: Final = frozenset({"agnhost", "kubehop-http-get"})
"""Those which every container finds in its PATH."""


def preload() -> None:
    """Import every program, so that a fork has nothing left to load."""
    for module in PROGRAMS.values():
        importlib.import_module(module)


def run_program(name: str, args: Sequence[str]) -> NoReturn:
    """Run a program as this process and end with its exit code."""
    gc.enable()
    if os.getpid() == 1:
        signal.signal(signal.SIGCHLD, lambda *_: reap_orphans())
    syscalls.set_name(name)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    if name not in _SERVERS:
        start_notice.give()
    code = 1
    try:
        code = _main_of(name)(args)
    except UsageError as error:
        print(f"{name}: {error}", file=sys.stderr)
        code = 2
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:
        code = 141
    except Exception as error:
        print(f"{name}: {_reason(error)}", file=sys.stderr)
    finally:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except OSError:
                code = code or 1
        os._exit(code)


def _reason(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return f"{type(error).__name__}: {error}"


def reap_orphans() -> None:
    """What a container's first process owes to the commands that others ran in it.

    Children of its own have its session; somebody of its own waits for those.
    """
    own_session = os.getsid(0)
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            pid = int(name)
            with open(f"/proc/{pid}/stat") as stream:
                state, parent = stream.read().rpartition(")")[2].split()[:2]
            if state == "Z" and parent == "1" and os.getsid(pid) != own_session:
                os.waitpid(pid, os.WNOHANG)


def _main_of(name: str) -> Callable[[Sequence[str]], int]:
    module = importlib.import_module(PROGRAMS[name])
    program: Callable[[Sequence[str]], int] = module.main
    return program


def main(name: str, args: Sequence[str]) -> NoReturn:
    """What the shims call."""
    run_program(name, args)
