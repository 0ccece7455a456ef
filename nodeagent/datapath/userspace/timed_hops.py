"""When each stage was through: the pipeline is pure and has no clock, its list has."""

import time
from collections.abc import Callable

from netcore.pipeline.trace import Hop


class TimedHops(list[Hop]):
    """A list of hops that notes when each was appended, in Unix nanoseconds."""

    def __init__(self, clock_ns: Callable[[], int] = time.time_ns) -> None:
        super().__init__()
        self._clock_ns = clock_ns
        self.times_ns: list[int] = []

    def append(self, hop: Hop) -> None:
        super().append(hop)
        self.times_ns.append(self._clock_ns())
