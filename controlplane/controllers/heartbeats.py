"""Who is alive: the last sign of every agent and server, in memory only.

After a restart of the control plane everybody counts as just seen, so that agents have the
grace period to come back before anything is concluded from their silence. The same holds after
the control plane itself has stood still (a stopped process, a frozen machine).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

Role = Literal["node", "dns", "load-balancer"]
_SERVERS: tuple[Role, ...] = ("dns", "load-balancer")

INTERVAL_S = 1.0
GRACE_S = 5.0
"""Silence after which an instance counts as lost (Kubernetes: 40 s, with 10 s heartbeats)."""
FORGET_S = 60.0
_TICK_S = 0.5
_STANDSTILL_S = 2.0
"""A gap between two looks at the clock that tells that nobody could be heard meanwhile."""


@dataclass(frozen=True, slots=True)
class Sign:
    """What an instance last said of itself; `at_s` on the monotonic clock.

    `applied_revision`: the network state that it works by, 0 for none yet.
    """

    instance_id: str
    ready: bool
    message: str
    at_s: float
    addresses: tuple[str, ...] = ()
    applied_revision: int = 0


class Heartbeats:
    """The signs of life by role and name, and who wants to hear of news."""

    def __init__(self, monotonic: Callable[[], float], grace_s: float = GRACE_S) -> None:
        self.grace_s = grace_s
        self._monotonic = monotonic
        self._listening_since_s = self._looked_s = monotonic()
        self._signs: dict[tuple[Role, str], Sign] = {}
        self._listeners: list[Callable[[Role, str], None]] = []

    async def tick(self) -> None:
        """Looks at the clock regularly, for ever, so that a standstill is noticed."""
        while True:
            self._now_s()
            self.sweep()
            await asyncio.sleep(_TICK_S)

    def sweep(self) -> None:
        """Forgets servers that are long lost: no object of theirs goes when they do, and every
        new container has a new name. One that comes back joins again.
        """
        for role in _SERVERS:
            for name in self.names(role):
                if self.silence_s(role, name) > FORGET_S:
                    self.forget(role, name)

    def _now_s(self) -> float:
        now_s = self._monotonic()
        if now_s - self._looked_s > _STANDSTILL_S:
            self._listening_since_s = now_s
        self._looked_s = now_s
        return now_s

    def subscribe(self, listener: Callable[[Role, str], None]) -> None:
        """Calls `listener(role, name)` when an instance appears, returns or changes readiness."""
        self._listeners.append(listener)

    def beat(
        self,
        role: Role,
        name: str,
        instance_id: str,
        *,
        ready: bool,
        message: str = "",
        addresses: tuple[str, ...] = (),
        applied_revision: int = 0,
    ) -> None:
        """Notes a sign of life; without `addresses` those of the last sign stay."""
        before = self._signs.get((role, name))
        was_alive = before is not None and self.silence_s(role, name) <= self.grace_s
        kept = addresses or (before.addresses if before else ())
        sign = Sign(instance_id, ready, message, self._now_s(), kept, applied_revision)
        self._signs[(role, name)] = sign
        if before is None or not was_alive or _said(before) != _said(sign):
            for listener in self._listeners:
                listener(role, name)

    def last(self, role: Role, name: str) -> Sign | None:
        """The last sign since this process started."""
        return self._signs.get((role, name))

    def silence_s(self, role: Role, name: str) -> float:
        """Seconds of listening in vain: since the last sign at most."""
        now_s = self._now_s()
        sign = self._signs.get((role, name))
        since_s = self._listening_since_s
        return now_s - (max(sign.at_s, since_s) if sign else since_s)

    def is_alive(self, role: Role, name: str) -> bool:
        """Whether the instance has not been silent for longer than the grace period."""
        return self.silence_s(role, name) <= self.grace_s

    def forget(self, role: Role, name: str) -> None:
        """The instance is gone for good."""
        self._signs.pop((role, name), None)

    def names(self, role: Role) -> list[str]:
        """Everybody who gave a sign in that role."""
        return sorted(name for known, name in self._signs if known == role)

    @property
    def age_s(self) -> float:
        """How long this process has been listening without a standstill."""
        return self._now_s() - self._listening_since_s


def _said(sign: Sign) -> tuple[str, bool, str, tuple[str, ...]]:
    return sign.instance_id, sign.ready, sign.message, sign.addresses
