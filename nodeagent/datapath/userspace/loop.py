"""The datapath's own thread: wait for readable descriptors, drain each for a bounded while.

Other threads hand work over with `call`; it runs between two drains, so that nothing that
the packet path touches needs a lock.
"""

import logging
import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable

log = logging.getLogger(__name__)

_TICK_S = 1.0
_SPIN_S = 0.0002
"""Waking a sleeping processor takes longer than forwarding a packet. So whenever the last wait was
shorter than this, the next one is spent awake, for so long at most (as Linux' haltpoll does).
"""


class PacketLoop:
    """An epoll loop. `tick` is called about once a second of `clock`, with what that says."""

    def __init__(
        self, tick: Callable[[float], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._tick = tick
        self._clock = clock
        self._epoll = select.epoll()
        self._drains: dict[int, Callable[[], object]] = {}
        self._calls: deque[Callable[[], None]] = deque()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._epoll.register(self._wake, select.EPOLLIN)
        self._drains[self._wake] = lambda: os.eventfd_read(self._wake)
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="datapath", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def add(self, descriptor: int, drain: Callable[[], None]) -> None:
        """Call `drain` whenever `descriptor` is readable. In the loop's thread or before start."""
        self._drains[descriptor] = drain
        self._epoll.register(descriptor, select.EPOLLIN)

    def remove(self, descriptor: int) -> None:
        """In the loop's thread only."""
        if self._drains.pop(descriptor, None) is not None:
            self._epoll.unregister(descriptor)

    def call(self, action: Callable[[], None]) -> None:
        """Run `action` in the loop's thread and wait for it; what it raises is raised here."""
        if threading.current_thread() is self._thread or not self._thread.is_alive():
            action()
            return
        done = threading.Event()
        failure: list[BaseException] = []

        def guarded() -> None:
            try:
                action()
            except BaseException as error:
                failure.append(error)
            finally:
                done.set()

        self._calls.append(guarded)
        os.eventfd_write(self._wake, 1)
        done.wait()
        if failure:
            raise failure[0]

    def stop(self) -> None:
        """End the thread and wait for its end."""
        self._stopping = True
        os.eventfd_write(self._wake, 1)
        if self._thread.is_alive():
            self._thread.join()
        self._epoll.close()
        os.close(self._wake)

    def _run(self) -> None:
        drains, clock = self._drains, self._clock
        now = clock()
        next_tick = now + _TICK_S
        spin_s = 0.0
        while not self._stopping:
            ready = self._spin(now + spin_s) if spin_s else ()
            if not ready:
                ready = self._epoll.poll(max(0.0, next_tick - now))
            spin_s = _SPIN_S if clock() - now < _SPIN_S else 0.0
            try:
                for descriptor, _ in ready:
                    drain = drains.get(descriptor)
                    if drain is not None:
                        drain()
            except Exception:  # one bad packet must not end the node's network
                log.exception("the datapath failed on a packet")
            while self._calls:
                self._calls.popleft()()
            now = clock()
            if now >= next_tick:
                next_tick = now + _TICK_S
                self._guarded_tick(now)
        while self._calls:
            self._calls.popleft()()

    def _spin(self, until: float) -> list[tuple[int, int]]:
        """Ask again and again for a moment, letting others run in between."""
        poll, clock = self._epoll.poll, self._clock
        while not (ready := poll(0)) and clock() < until:
            os.sched_yield()
        return ready

    def _guarded_tick(self, now: float) -> None:
        try:
            self._tick(now)
        except Exception:  # the node's network must go on
            log.exception("the datapath failed at its housekeeping")
