"""Ctrl-C, and the moment after it in which the last frames arrive."""

from __future__ import annotations

import contextlib
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

GRACE_S = 0.3
"""What was on the wire before Ctrl-C is on its way here for about 0.1 s."""


@contextlib.contextmanager
def ending_gracefully() -> Iterator[None]:
    """SIGINT, and SIGTERM as of timeout(1), raise KeyboardInterrupt GRACE_S later; a second one
    at once. For the main thread.
    """
    is_ending = False

    def end(_number: int, _frame: FrameType | None) -> None:
        nonlocal is_ending
        if is_ending:
            raise KeyboardInterrupt
        is_ending = True
        signal.setitimer(signal.ITIMER_REAL, GRACE_S)

    handled = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)
    before = {number: signal.signal(number, end) for number in handled}
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)
