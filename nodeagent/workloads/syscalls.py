"""The Linux calls that Python 3.11 lacks, through libc. Each raises OSError with the path.

Namespaces belong to threads: call `unshare` and `setns` only in single-threaded processes.
"""

import ctypes
import os
import signal
from typing import Final

CLONE_NEWNS: Final = 0x00020000
CLONE_NEWUTS: Final = 0x04000000
CLONE_NEWIPC: Final = 0x08000000
CLONE_NEWPID: Final = 0x20000000
CLONE_NEWNET: Final = 0x40000000

MS_RDONLY: Final = 1
MS_NOSUID: Final = 2
MS_NODEV: Final = 4
MS_NOEXEC: Final = 8
MS_REMOUNT: Final = 32
MS_BIND: Final = 4096
MS_MOVE: Final = 8192
MS_REC: Final = 16384
MS_PRIVATE: Final = 1 << 18
MNT_DETACH: Final = 2

PR_SET_PDEATHSIG: Final = 1
PR_SET_NAME: Final = 15
PR_CAPBSET_DROP: Final = 24

_SYS_PIVOT_ROOT: Final = {"x86_64": 155, "aarch64": 41, "riscv64": 41, "armv7l": 218}

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mount.argtypes = [ctypes.c_char_p] * 3 + [ctypes.c_ulong, ctypes.c_char_p]


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def unshare(flags: int) -> None:
    _check(_libc.unshare(ctypes.c_int(flags)), "unshare")


def setns(fd: int, kind: int) -> None:
    _check(_libc.setns(ctypes.c_int(fd), ctypes.c_int(kind)), "setns")


def mount(source: str, target: str, fstype: str = "", flags: int = 0, data: str = "") -> None:
    result = _libc.mount(
        source.encode(), target.encode(), fstype.encode() or None, flags, data.encode() or None
    )
    _check(result, f"mount {fstype or source} on {target}")


def bind(source: str, target: str, *, recursive: bool = False, read_only: bool = False) -> None:
    """Bind mount. Read-only needs a second call, and the flags that a user namespace locks."""
    mount(source, target, flags=MS_BIND | (MS_REC if recursive else 0))
    if not read_only:
        return
    flags = MS_BIND | MS_REMOUNT | MS_RDONLY
    try:
        mount("none", target, flags=flags)
    except PermissionError:
        mount("none", target, flags=flags | _locked_flags(target))


def _locked_flags(path: str) -> int:
    kept = {os.ST_NOSUID: MS_NOSUID, os.ST_NODEV: MS_NODEV, os.ST_NOEXEC: MS_NOEXEC}
    present = os.statvfs(path).f_flag
    atime = 0
    for flag, mount_flag in ((os.ST_NOATIME, 1024), (os.ST_NODIRATIME, 2048)):
        atime |= mount_flag if present & flag else 0
    if present & os.ST_RELATIME:
        atime |= 1 << 21
    return atime | sum(mount_flag for flag, mount_flag in kept.items() if present & flag)


def umount(target: str, flags: int = 0) -> None:
    _check(_libc.umount2(target.encode(), ctypes.c_int(flags)), f"umount {target}")


def pivot_into(new_root: str) -> None:
    """Make the mount point `new_root` the root directory and let go of the old one.

    An initramfs root cannot be pivoted: there the new root is moved on top of it.
    """
    os.chdir(new_root)
    number = _SYS_PIVOT_ROOT.get(os.uname().machine)
    if number is not None and _libc.syscall(ctypes.c_long(number), b".", b".") == 0:
        umount(".", MNT_DETACH)
    else:
        mount(".", "/", flags=MS_MOVE)
        os.chroot(".")
    os.chdir("/")


def die_with_parent() -> None:
    """Ask the kernel for SIGKILL when the parent ends, however it ends."""
    _check(_libc.prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL), 0, 0, 0), "prctl")


def set_name(name: str) -> None:
    """The name that `ps -o comm` shows; the kernel keeps 15 bytes."""
    _libc.prctl(PR_SET_NAME, ctypes.c_char_p(name.encode()[:15]), 0, 0, 0)


def drop_from_bounding_set(capability: int) -> None:
    _check(_libc.prctl(PR_CAPBSET_DROP, ctypes.c_ulong(capability), 0, 0, 0), "prctl")


class _CapHeader(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class _CapData(ctypes.Structure):
    _fields_ = [
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    ]


def set_capabilities(mask: int) -> None:
    """Reduce effective and permitted capabilities to `mask` (bit n is capability n)."""
    header = _CapHeader(0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3
    data = (_CapData * 2)()
    for index in range(2):
        part = (mask >> (32 * index)) & 0xFFFFFFFF
        data[index] = _CapData(part, part, 0)
    _check(_libc.capset(ctypes.byref(header), ctypes.byref(data)), "capset")
