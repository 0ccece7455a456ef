"""Linux capabilities of a container: the set that container runtimes give by default."""

from collections.abc import Iterable
from typing import Final

from nodeagent.workloads import syscalls

# include/uapi/linux/capability.h, by number.
NAMES: Final = (
    *("CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID"),
    *("SETUID", "SETPCAP", "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN"),
    *("NET_RAW", "IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE"),
    *("SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME"),
    *("SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP"),
    *("MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ"),
    *("PERFMON", "BPF", "CHECKPOINT_RESTORE"),
)

DEFAULT: Final = frozenset(
    {
        *("CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW", "SETGID", "SETUID"),
        *("SETFCAP", "SETPCAP", "NET_BIND_SERVICE", "SYS_CHROOT", "KILL", "AUDIT_WRITE"),
    }
)


def container_capabilities(add: Iterable[str], drop: Iterable[str]) -> tuple[str, ...] | None:
    """The names that remain after `securityContext.capabilities`; None: all of them."""
    added = {_plain(name) for name in add}
    dropped = {_plain(name) for name in drop}
    if "ALL" in added and not dropped:
        return None
    base = set(NAMES) if "ALL" in added else set(DEFAULT)
    kept = (set() if "ALL" in dropped else base - dropped) | (added - {"ALL"})
    return tuple(name for name in NAMES if name in kept)


def _plain(name: str) -> str:
    return name.upper().removeprefix("CAP_")


def restrict_bounding_set(kept: Iterable[str]) -> None:
    """Take what is not kept from everything that will ever be executed. Raises OSError."""
    names = set(kept)
    try:
        with open("/proc/sys/kernel/cap_last_cap") as stream:
            last = int(stream.read())
    except (OSError, ValueError):
        last = len(NAMES) - 1
    for number in range(last + 1):
        if number >= len(NAMES) or NAMES[number] not in names:
            syscalls.drop_from_bounding_set(number)


def restrict_current(kept: Iterable[str]) -> None:
    """Reduce this process's own capabilities to those kept. Raises OSError."""
    names = set(kept)
    syscalls.set_capabilities(sum(1 << n for n, name in enumerate(NAMES) if name in names))
