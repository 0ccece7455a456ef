"""How a builtin program says that it has started: a server only once it listens.

So a container of ours is never reported as running while its port still refuses.
"""

import os

_fd: int | None = None


def hold(fd: int) -> None:
    """Keep the descriptor whose closing is the notice. The end of the process closes it, too."""
    global _fd
    _fd = fd


def give() -> None:
    """Started. Idempotent; does nothing in a program that was reached through a shim."""
    global _fd
    if _fd is not None:
        os.close(_fd)
        _fd = None
