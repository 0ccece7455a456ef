"""Network namespaces without names: an open file descriptor keeps each alive, nothing is mounted.

A namespace belongs to a thread: everything here visits it in a thread of its own.
"""

import ctypes
import os
import threading
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")

CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

_libc = ctypes.CDLL(None, use_errno=True)


def unshare(flags: int) -> None:
    """Give the calling thread new namespaces. Raises OSError, as unshare(2)."""
    _check(_libc.unshare(flags), "unshare")


def setns(descriptor: int, kind: int) -> None:
    """Put the calling thread into a namespace of that kind. Raises OSError, as setns(2)."""
    _check(_libc.setns(descriptor, kind), "setns")


def mount(source: str, target: str, kind: str, flags: int) -> None:
    """mount(2) without data. Raises OSError."""
    result = _libc.mount(source.encode(), target.encode(), kind.encode(), flags, None)
    _check(result, f"mount {target}")


def new_netns() -> int:
    """A descriptor of a new, empty network namespace, which lives as long as it is open."""

    def make() -> int:
        unshare(CLONE_NEWNET)
        return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)

    return _in_thread(make)


def run_in_netns(netns: int, action: Callable[[], Result]) -> Result:
    """What `action` returns, run inside the namespace; processes it starts stay there.

    Raises what `action` raises, or OSError when the namespace cannot be entered.
    """

    def visit() -> Result:
        setns(netns, CLONE_NEWNET)
        return action()

    return _in_thread(visit)


def _in_thread(action: Callable[[], Result]) -> Result:
    outcome: list[Result] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            outcome.append(action())
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
    return outcome[0]


def _check(result: int, operation: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), operation)
