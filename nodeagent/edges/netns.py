"""Work inside another network namespace.

A network namespace belongs to a thread, so every visit gets a thread of its own which ends
with the visit: no other code ever runs in the wrong namespace.
"""

import ctypes
import os
import threading
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")

_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def run_in_netns(netns_path: str, action: Callable[[], Result]) -> Result:
    """What `action` returns, run inside the namespace at `netns_path` (/proc/PID/ns/net).

    Sockets and devices that it opens stay usable from outside. Blocks: call it off the event
    loop. Raises OSError when the namespace cannot be entered, else what `action` raises.
    """
    outcome: list[Result] = []
    failure: list[BaseException] = []

    def visit() -> None:
        try:
            _enter(netns_path)
            outcome.append(action())
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=visit, name=f"netns {netns_path}", daemon=True)
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
    return outcome[0]


def _enter(netns_path: str) -> None:
    descriptor = os.open(netns_path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _libc.setns(descriptor, _CLONE_NEWNET) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), netns_path)
    finally:
        os.close(descriptor)
