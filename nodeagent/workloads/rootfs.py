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
_TEMPORARY: Final = frozenset({"/tmp", "/var/tmp"})
_SPREAD_MAX_ENTRIES: Final = 256
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


def _escaped(path: str) -> str:
    """As overlayfs reads its options."""
    return re.sub(r"([,:\\])", r"\\\1", path)


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
    tree = _NodeTree(directory, scratch, mountinfo)
    for entry in sorted(os.scandir("/"), key=lambda item: item.name):
        if entry.name not in _OWN and (entry.is_symlink() or entry.is_dir()):
            tree.show(entry.path)


class _NodeTree:
    """Brings the node's files into the root, each directory as an overlay of its own."""

    def __init__(self, directory: str, scratch: str, mountinfo: Sequence[str]) -> None:
        self._root = f"{directory}/rootfs"
        self._upper = f"{directory}/upper"
        self._work = f"{directory}/work"
        self._scratch = scratch
        self._mountinfo = mountinfo

    def show(self, path: str) -> None:
        """Make the node's `path` visible below the root."""
        target = self._root + path
        if os.path.islink(path):
            os.symlink(os.readlink(path), target)
        elif not os.path.isdir(path):
            _touch(target)
            syscalls.bind(path, target, read_only=True)
        elif path != self._scratch:
            os.mkdir(target)
            self._show_directory(path, target)

    def _show_directory(self, path: str, target: str) -> None:
        nested = nested_mounts(self._mountinfo, path, self._scratch)
        if self._overlay(path, target):
            for point in nested:
                with contextlib.suppress(OSError):
                    syscalls.bind(point, self._root + point, recursive=True, read_only=True)
        elif path in _TEMPORARY:
            os.chmod(target, 0o1777)
        elif nested and len(names := os.listdir(path)) <= _SPREAD_MAX_ENTRIES:
            # Refused because of the mounts below: go around them.
            os.chmod(target, stat.S_IMODE(os.stat(path).st_mode))
            for name in names:
                with contextlib.suppress(OSError):
                    self.show(f"{path}/{name}")
        else:
            syscalls.bind(path, target, recursive=True, read_only=True)

    def _overlay(self, path: str, target: str) -> bool:
        upper, work = self._upper + path, self._work + path
        os.makedirs(upper, exist_ok=True)
        os.chmod(upper, stat.S_IMODE(os.stat(path).st_mode))
        os.makedirs(work, exist_ok=True)
        places = {"lowerdir": path, "upperdir": upper, "workdir": work}
        layers = ",".join(f"{name}={_escaped(place)}" for name, place in places.items())
        for options in (f"userxattr,{layers}", layers):
            with contextlib.suppress(OSError):
                syscalls.mount("overlay", target, "overlay", data=options)
                return True
        return False


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
