"""A process as itself: a pid that was given to another process since is not it."""

import os
import select
import signal
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A pid together with its start time in clock ticks since boot, and the boot's id."""

    pid: int
    start_ticks: int
    boot_id: str

    @classmethod
    def of(cls, pid: int) -> Self:
        """The identity of a process that runs now. Raises ProcessLookupError when none does."""
        return cls(pid, _start_ticks(pid), _boot_id())

    def open(self) -> int | None:
        """A pidfd of this very process, None when it has ended. The caller closes it."""
        try:
            descriptor = os.pidfd_open(self.pid)
        except (ProcessLookupError, PermissionError, OverflowError, OSError):
            return None
        # The pidfd pins the process, so that comparing after opening leaves no race.
        try:
            if _boot_id() == self.boot_id and _start_ticks(self.pid) == self.start_ticks:
                return descriptor
        except ProcessLookupError:
            pass
        os.close(descriptor)
        return None

    def is_alive(self) -> bool:
        descriptor = self.open()
        if descriptor is None:
            return False
        try:
            return not wait_for_end(descriptor, 0)
        finally:
            os.close(descriptor)

    def end(self, timeout_s: float) -> None:
        """Guarantees that the process has ended: SIGTERM, after `timeout_s` SIGKILL."""
        descriptor = self.open()
        if descriptor is None:
            return
        try:
            for number, patience_s in ((signal.SIGTERM, timeout_s), (signal.SIGKILL, 30.0)):
                try:
                    signal.pidfd_send_signal(descriptor, number)
                except ProcessLookupError:
                    return
                if wait_for_end(descriptor, patience_s):
                    return
        finally:
            os.close(descriptor)


def wait_for_end(pidfd: int, timeout_s: float) -> bool:
    """Whether the process of `pidfd` ended within `timeout_s`."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(timeout_s * 1000))


def _start_ticks(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            stat = file.read()
    except (FileNotFoundError, ProcessLookupError):
        raise ProcessLookupError(pid) from None
    # Field 22 of proc(5); the command's name (field 2) may itself hold blanks and brackets.
    return int(stat[stat.rindex(b")") + 2 :].split()[19])


def _boot_id() -> str:
    with open("/proc/sys/kernel/random/boot_id") as file:
        return file.read().strip()
