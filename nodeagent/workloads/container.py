"""From a fork of the zygote to a running command. Everything here runs in the child."""

import fcntl
import os
import signal
import stat
import sys
import termios
from typing import NoReturn

from nodeagent.workloads import start_notice, syscalls
from nodeagent.workloads.capabilities import restrict_bounding_set, restrict_current
from nodeagent.workloads.programs import run_program
from nodeagent.workloads.rootfs import build_rootfs
from nodeagent.workloads.spec import PROGRAMS_DIR, CommandSpec, ContainerSpec

NAMESPACES = (
    ("net", syscalls.CLONE_NEWNET),
    ("uts", syscalls.CLONE_NEWUTS),
    ("ipc", syscalls.CLONE_NEWIPC),
    ("mnt", syscalls.CLONE_NEWNS),
)


class CommandNotFound(OSError):
    """The command is not in the container's PATH or cannot be executed."""


def join_namespaces(pid: int) -> None:
    """Enter the namespaces of process `pid` (all but the PID namespace)."""
    fds = [(os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY), kind) for name, kind in NAMESPACES]
    for fd, kind in fds:
        syscalls.setns(fd, kind)
        os.close(fd)


def enter_container(spec: ContainerSpec) -> None:
    """Join the pod and make the container's own root the root directory. Raises OSError."""
    join_namespaces(spec.sandbox_pid)
    syscalls.unshare(syscalls.CLONE_NEWNS)
    syscalls.mount("none", "/", flags=syscalls.MS_REC | syscalls.MS_PRIVATE)
    syscalls.pivot_into(build_rootfs(spec.directory, spec.scratch, spec.mounts))


def run_command(spec: CommandSpec, status_fd: int) -> NoReturn:
    """Become the command. A program of our own runs in this process, without an exec.

    Raises OSError when it cannot be started; `status_fd` closes when it has.
    """
    try:
        os.chdir(spec.cwd)
    except FileNotFoundError:
        os.makedirs(spec.cwd)
        os.chdir(spec.cwd)
    path = find_command(spec.argv[0], spec.env.get("PATH", os.defpath))
    if spec.tty:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    if spec.capabilities is not None:
        restrict_bounding_set(spec.capabilities)
    _become_user(spec)
    name = own_program(path)
    if name is not None:
        if spec.capabilities is not None and not spec.uid:
            restrict_current(spec.capabilities)
        os.environ.clear()
        os.environ.update(spec.env)
        start_notice.hold(status_fd)
        run_program(name, list(spec.argv[1:]))
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        os.execve(path, list(spec.argv), dict(spec.env))
    except OSError as error:
        if error.errno != 8:  # ENOEXEC: a script without #!, which a shell runs
            raise CommandNotFound(
                error.errno, f"exec {path}: {os.strerror(error.errno or 0)}"
            ) from error
        os.execve("/bin/sh", ["sh", path, *spec.argv[1:]], dict(spec.env))


def find_command(name: str, search_path: str) -> str:
    """The path of the executable, as execvp finds it. Raises CommandNotFound."""
    candidates = [name]
    if "/" not in name:
        candidates = [f"{directory or '.'}/{name}" for directory in search_path.split(":")]
    for path in candidates:
        try:
            mode = os.stat(path).st_mode
        except OSError:
            continue
        if stat.S_ISREG(mode) and os.access(path, os.X_OK):
            return path
    if "/" in name:
        raise CommandNotFound(2, f'exec: "{name}": stat {name}: no such file or directory')
    raise CommandNotFound(2, f'exec: "{name}": executable file not found in $PATH')


def own_program(path: str) -> str | None:
    """The name of the builtin program that a path leads to, or None."""
    real = os.path.realpath(path)
    return os.path.basename(real) if real.startswith(PROGRAMS_DIR + "/") else None


def _become_user(spec: CommandSpec) -> None:
    if spec.uid is None and spec.gid is None and not spec.groups:
        return
    gid = spec.gid if spec.gid is not None else 0
    try:
        os.setgroups([gid, *spec.groups])
        os.setresgid(gid, gid, gid)
        if spec.uid:
            os.setresuid(spec.uid, spec.uid, spec.uid)
    except OSError:
        # A user namespace with one mapped user cannot be anybody else: stay who we are.
        if sys.platform != "linux" or _maps_many_users():
            raise


def _maps_many_users() -> bool:
    with open("/proc/self/uid_map") as stream:
        return any(int(line.split()[2]) > 1 for line in stream)
