"""A container's root directory: the node's files below, its own writes above.

Every top-level directory of the node becomes an overlay whose upper part is in the pod's tmpfs,
so nothing that a container writes reaches the node. One overlay of `/` as a whole would be
simpler, but a user namespace may not use `/` as a lower layer (its child mounts are locked).
Where the kernel refuses an overlay, the directory is there read-only.
"""

import contextlib
import os
import re
import stat
from collections.abc import Iterable, Sequence
from typing import Final

from nodeagent.workloads import syscalls
from nodeagent.workloads.spec import PROGRAMS_DIR, Mount
from nodeagent.workloads.syscalls import MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_RDONLY

_OWN: Final = frozenset({"proc", "sys", "dev", "run", "lost+found"})
_DEVICES: Final = ("null", "zero", "full", "random", "urandom", "tty")
# Made in the upper layer, hence owned by us: as another user's they could not be written to
# from within a user namespace.
_WRITABLE: Final = (
    *("/etc", "/home", "/mnt", "/opt", "/root", "/srv", "/tmp"),
    *("/var/cache", "/var/lib", "/var/log", "/var/tmp", "/usr/local", "/usr/share"),
)


def build_rootfs(directory: str, scratch: str, mounts: Sequence[Mount]) -> str:
    """Assemble the root in this process's own mount namespace and return its path.

    Raises OSError which names the mount that failed.
    """
    root, upper = f"{directory}/rootfs", f"{directory}/upper"
    for path in (root, upper, f"{directory}/work"):
        os.makedirs(path, exist_ok=True)
    syscalls.bind(root, root)
    targets = [(mount, _target(mount)) for mount in sorted(mounts, key=lambda m: m.target)]
    targets.append((Mount(f"{scratch}/programs", PROGRAMS_DIR, True), PROGRAMS_DIR))
    for path in _WRITABLE:
        _prepare(upper, os.path.realpath(path), is_directory=True)
    for mount, target in targets:
        _prepare(upper, target, is_directory=os.path.isdir(mount.source))
    _write_nsswitch(upper)
    _mount_node_directories(directory, scratch)
    _mount_kernel_filesystems(root, scratch)
    for mount, target in targets:
        _mount_volume(root, mount, target)
    if not os.path.lexists(f"{root}/agnhost"):
        os.symlink(f"{PROGRAMS_DIR}/bin/agnhost", f"{root}/agnhost")
    return root


def hosts_from_files_and_dns(nsswitch: str) -> str:
    """nsswitch.conf with `hosts: files dns`: other modules would ask the node's own resolver."""
    text, count = re.subn(r"(?m)^\s*hosts:.*$", "hosts:          files dns", nsswitch)
    return text if count else text + "hosts:          files dns\n"


def nested_mounts(mountinfo: Iterable[str], top: str, excluded: str) -> list[str]:
    """The uppermost mount points below the directory `top`, without what is in `excluded`."""
    found: list[str] = []
    points = {_unescape(line.split()[4]) for line in mountinfo if line.strip()}
    for point in sorted(points):
        inside = point.startswith(top + "/") and not (point + "/").startswith(excluded + "/")
        if inside and not any(point.startswith(upper + "/") for upper in found):
            found.append(point)
    return found


def _unescape(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)


def _target(mount: Mount) -> str:
    """Where a mount really goes: links of the node are followed, a file replaces a link."""
    if os.path.isdir(mount.source):
        return os.path.realpath(mount.target)
    parent, name = os.path.split(mount.target)
    return os.path.join(os.path.realpath(parent), name)


def _prepare(upper: str, target: str, *, is_directory: bool) -> None:
    parts = target.strip("/").split("/")
    directories = parts if is_directory else parts[:-1]
    path = ""
    for part in directories:
        path = f"{path}/{part}"
        if os.path.isdir(upper + path):
            continue
        os.mkdir(upper + path)
        with contextlib.suppress(OSError):
            os.chmod(upper + path, stat.S_IMODE(os.stat(path).st_mode))
    if not is_directory:
        _touch(upper + target)


def _touch(path: str) -> None:
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o644))


def _write_nsswitch(upper: str) -> None:
    try:
        with open("/etc/nsswitch.conf") as stream:
            text = stream.read()
    except OSError:
        text = ""
    with open(f"{upper}/etc/nsswitch.conf", "w") as stream:
        stream.write(hosts_from_files_and_dns(text))


def _mount_node_directories(directory: str, scratch: str) -> None:
    with open("/proc/self/mountinfo") as stream:
        mountinfo = stream.readlines()
    os.makedirs(f"{directory}/rootfs/run", 0o755, exist_ok=True)
    for entry in sorted(os.scandir("/"), key=lambda item: item.name):
        target = f"{directory}/rootfs/{entry.name}"
        if entry.name in _OWN:
            continue
        if entry.is_symlink():
            os.symlink(os.readlink(entry.path), target)
        elif entry.is_dir():
            os.mkdir(target)
            nested = nested_mounts(mountinfo, entry.path, scratch)
            _mount_node_directory(entry.name, directory, target, nested)


def _mount_node_directory(name: str, directory: str, target: str, nested: list[str]) -> None:
    upper, work = f"{directory}/upper/{name}", f"{directory}/work/{name}"
    os.makedirs(upper, exist_ok=True)
    os.chmod(upper, stat.S_IMODE(os.stat(f"/{name}").st_mode))
    os.makedirs(work, exist_ok=True)
    layers = f"lowerdir=/{name},upperdir={upper},workdir={work}"
    for options in (f"userxattr,{layers}", layers):
        with contextlib.suppress(OSError):
            syscalls.mount("overlay", target, "overlay", data=options)
            break
    else:
        syscalls.bind(f"/{name}", target, recursive=True, read_only=True)
        return
    for point in nested:
        inside = target + point[len(name) + 1 :]
        with contextlib.suppress(OSError):
            syscalls.bind(point, inside, recursive=True, read_only=True)


def _mount_kernel_filesystems(root: str, scratch: str) -> None:
    for name in ("proc", "sys", "dev"):
        os.mkdir(f"{root}/{name}")
    safe = MS_NOSUID | MS_NODEV | MS_NOEXEC
    _mount_or_bind("proc", f"{root}/proc", safe)
    with contextlib.suppress(OSError):
        syscalls.bind(f"{root}/proc/sys", f"{root}/proc/sys", read_only=True)
    _mount_or_bind("sysfs", f"{root}/sys", safe | MS_RDONLY)
    for device in _DEVICES:
        _touch(f"{root}/dev/{device}")
        syscalls.bind(f"/dev/{device}", f"{root}/dev/{device}")
    for link, goal in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        os.symlink(f"/proc/self/fd{goal}", f"{root}/dev/{link}")
    os.mkdir(f"{root}/dev/shm")
    syscalls.bind(f"{scratch}/shm", f"{root}/dev/shm")
    os.mkdir(f"{root}/dev/pts")
    with contextlib.suppress(OSError):
        pty = "newinstance,ptmxmode=0666,mode=0620"
        syscalls.mount("devpts", f"{root}/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, pty)
        os.symlink("pts/ptmx", f"{root}/dev/ptmx")


def _mount_or_bind(fstype: str, target: str, flags: int) -> None:
    """Kernels refuse new proc and sysfs where parts of the present ones are masked."""
    try:
        syscalls.mount(fstype, target, fstype, flags)
    except OSError:
        syscalls.bind({"sysfs": "/sys"}.get(fstype, f"/{fstype}"), target, recursive=True)


def _mount_volume(root: str, mount: Mount, target: str) -> None:
    path = root + target
    if not os.path.lexists(path):
        if os.path.isdir(mount.source):
            os.makedirs(path)
        else:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            _touch(path)
    syscalls.bind(mount.source, path, recursive=True, read_only=mount.read_only)
