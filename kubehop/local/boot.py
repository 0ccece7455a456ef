"""From an ordinary process to the first process of a cluster's own namespaces."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from kubehop.local.netns import CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUSER, mount, unshare
from kubehop.local.rights import namespaces_refused

if TYPE_CHECKING:
    from collections.abc import Callable

_MS_NOSUID, _MS_NODEV, _MS_NOEXEC = 2, 4, 8
_MS_REC, _MS_PRIVATE = 0x4000, 0x40000


def become_init(report_pid: Callable[[int], object]) -> None:
    """Returns in a new process: PID 1 of new PID and mount namespaces, with a /proc of its own.

    Where the caller is not root a user namespace makes it root inside. The calling process
    gives the new pid, as it is known outside, to `report_pid` and ends. When the new process
    dies the kernel ends all others of its PID namespace. Raises MissingRights.
    """
    try:
        _unshare_pids()
    except OSError as error:
        raise namespaces_refused(error) from error
    sys.stdout.flush()
    sys.stderr.flush()
    if pid := os.fork():
        try:
            report_pid(pid)
        finally:
            os._exit(0)
    try:
        # Only here: the parent goes on to see the processes of the machine in its /proc.
        unshare(CLONE_NEWNS)
        mount("none", "/", "none", _MS_REC | _MS_PRIVATE)
        mount("proc", "/proc", "proc", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC)
    except OSError as error:
        raise namespaces_refused(error) from error


def _unshare_pids() -> None:
    if os.geteuid() == 0:
        unshare(CLONE_NEWPID)
        return
    user, group = os.geteuid(), os.getegid()
    unshare(CLONE_NEWUSER | CLONE_NEWPID)
    # An ordinary user may map its own group only once setgroups(2) is off (user_namespaces(7)).
    for name, content in (
        ("setgroups", "deny"),
        ("uid_map", f"0 {user} 1"),
        ("gid_map", f"0 {group} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(content)
