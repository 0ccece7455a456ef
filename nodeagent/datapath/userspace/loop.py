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


class PacketLoop:
    """An epoll loop. `tick` is called about once a second with the monotonic time."""

    def __init__(self, tick: Callable[[float], None]) -> None:
        self._tick = tick
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
        poll, drains = self._epoll.poll, self._drains
        now = time.monotonic()
        next_tick = now + _TICK_S
        while not self._stopping:
            ready = poll(max(0.0, next_tick - now))
            try:
                for descriptor, _ in ready:
                    drain = drains.get(descriptor)
                    if drain is not None:
                        drain()
            except Exception:  # one bad packet must not end the node's network
                log.exception("the datapath failed on a packet")
            while self._calls:
                self._calls.popleft()()
            now = time.monotonic()
            if now >= next_tick:
                next_tick = now + _TICK_S
                self._guard(lambda: self._tick(time.monotonic()))
        while self._calls:
            self._calls.popleft()()

    @staticmethod
    def _guard(action: Callable[[], None]) -> None:
        try:
            action()
        except Exception:  # one bad packet must not end the node's network
            log.exception("the datapath failed on a packet")
