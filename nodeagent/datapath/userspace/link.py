"""The Ethernet addresses around the tunnel's datagrams, as captures show them."""

import logging
import threading
import time
from collections.abc import Callable

from netcore.capture.outer import NO_MAC
from netcore.model.errors import DatapathError
from nodeagent.edges.underlay import UnderlayLink

log = logging.getLogger(__name__)

_REFRESH_S = 1.0


class CaptureLink:
    """Asks the kernel again, in a thread, when a neighbour is met that was not known before."""

    def __init__(
        self, read: Callable[[], UnderlayLink], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`read` may block. Raises DatapathError when it does."""
        self._read = read
        self._clock = clock
        self._link = read()
        self._next_read = clock()

    @property
    def address(self) -> bytes:
        return self._link.address

    @property
    def mac(self) -> bytes:
        return self._link.mac

    def mac_of(self, neighbor: str) -> bytes:
        """Zeros as long as it is not known. Never blocks."""
        mac = self._link.neighbors.get(neighbor)
        if mac is not None:
            return mac
        if self._clock() >= self._next_read:
            self._next_read = self._clock() + _REFRESH_S
            threading.Thread(target=self._refresh, name="capture-link", daemon=True).start()
        return NO_MAC

    def _refresh(self) -> None:
        try:
            self._link = self._read()
        except DatapathError as error:  # the frames are worth more than their MACs
            log.warning("captures go on without the underlay's MACs: %s", error)
