"""The holder of a pod: it has the pod's namespaces and waits. Runs in a fork of the zygote."""

import contextlib
import fcntl
import os
import signal
import socket
import struct
import sys
from typing import Final, NoReturn

from nodeagent.workloads import syscalls
from nodeagent.workloads.programs import PROGRAMS, USER_PROGRAMS
from nodeagent.workloads.spec import SandboxSpec

_SIOCGIFFLAGS: Final = 0x8913
_SIOCSIFFLAGS: Final = 0x8914
_IFF_UP: Final = 1

# What containerd sets for pods: no capability is needed to ping or to bind port 80.
_POD_SYSCTLS: Final = {
    "net.ipv4.ping_group_range": "0 2147483647",
    "net.ipv4.ip_unprivileged_port_start": "0",
}

_SHIM: Final = """#!/bin/sh
exec {python} -I -S -c 'import sys; sys.path.insert(0, "{path}")
from nodeagent.workloads.programs import main; main("{name}", sys.argv[1:])' "$@"
"""


def enter_sandbox(spec: SandboxSpec) -> None:
    """Move this process into new namespaces and furnish them. Raises OSError."""
    flags = syscalls.CLONE_NEWNS | syscalls.CLONE_NEWUTS | syscalls.CLONE_NEWIPC
    syscalls.unshare(flags | (0 if spec.host_network else syscalls.CLONE_NEWNET))
    syscalls.mount("none", "/", flags=syscalls.MS_REC | syscalls.MS_PRIVATE)
    socket.sethostname(spec.hostname)
    if not spec.host_network:
        _set_loopback_up()
        for name, value in _POD_SYSCTLS.items():
            with contextlib.suppress(OSError):  # a user namespace may not map these groups
                _set_sysctl(name, value)
        for name, value in spec.sysctls.items():
            _set_sysctl(name, value)
    syscalls.mount("kubehop-pod", spec.scratch, "tmpfs", data="mode=0755")
    os.mkdir(f"{spec.scratch}/shm")
    os.chmod(f"{spec.scratch}/shm", 0o1777)
    _write_shims(f"{spec.scratch}/programs")


def hold() -> NoReturn:
    """Keep the namespaces alive until a signal ends this process.

    As `sleep` it costs a tenth of what this interpreter does, for every pod.
    """
    with contextlib.suppress(OSError):
        os.execv("/bin/sleep", ["sleep", str(2**31 - 1)])
    syscalls.set_name("kubehop-pod")
    while True:
        signal.pause()


def _set_loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sh14x", b"lo", 0)
        (flags,) = struct.unpack("16xh14x", fcntl.ioctl(control, _SIOCGIFFLAGS, request))
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | _IFF_UP))


def _set_sysctl(name: str, value: str) -> None:
    with open("/proc/sys/" + name.replace(".", "/"), "w") as stream:
        stream.write(value)


def _write_shims(directory: str) -> None:
    package_parent = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    for place in ("bin", "libexec"):
        os.makedirs(f"{directory}/{place}")
    for name in PROGRAMS:
        place = "bin" if name in USER_PROGRAMS else "libexec"
        path = f"{directory}/{place}/{name}"
        with open(path, "w") as stream:
            stream.write(_SHIM.format(python=sys.executable, path=package_parent, name=name))
        os.chmod(path, 0o755)
