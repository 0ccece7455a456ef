import os
import select
import signal
import time

import pytest

from kubehop.capturing.ending import GRACE_S, ending_gracefully


def wait_after(*numbers):
    with ending_gracefully():
        for number in numbers:
            os.kill(os.getpid(), number)
        select.select([], [], [], 10)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_is_under_way_still_arrives(number):
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        wait_after(number)
    assert GRACE_S * 0.9 <= time.monotonic() - start < 5


def test_the_second_time_ends_at_once():
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        wait_after(signal.SIGINT, signal.SIGINT)
    assert time.monotonic() - start < GRACE_S


def test_nothing_is_left_behind():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with ending_gracefully():
        os.kill(os.getpid(), signal.SIGINT)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0
