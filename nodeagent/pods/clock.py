"""Time as the pods see it, so that tests can bring their own."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    def monotonic(self) -> float:
        """Seconds; only differences mean something."""

    def wall_ns(self) -> int:
        """Nanoseconds since 1970."""

    async def wait(self, event: asyncio.Event, timeout_s: float) -> bool:
        """True as soon as the event is set, False when the time is over."""


class SystemClock:
    def monotonic(self) -> float:
        return time.monotonic()

    def wall_ns(self) -> int:
        return time.time_ns()

    async def wait(self, event: asyncio.Event, timeout_s: float) -> bool:
        try:
            async with asyncio.timeout(max(0.0, timeout_s)):
                return await event.wait()
        except TimeoutError:
            return event.is_set()


def rfc3339(wall_ns: int) -> str:
    """To the second, as Kubernetes writes metav1.Time."""
    return datetime.fromtimestamp(wall_ns // 1_000_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
