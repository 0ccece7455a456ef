"""What a node remembers between two connections to choose where the next one goes.

`decide` sees only the reading half; what a choice changes is part of the decision, and the
datapath that carries it out commits it here. All of it is bounded.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple, Protocol

from netcore.service.frontend import Backend, FrontendKey

MAX_CLIENTS = 65_536
"""So many clients stay with their backend (Cilium: lb4_affinity's size); the oldest give way."""

_EXPIRED_AT_ONCE = 1024
"""The packet path waits meanwhile."""


class ServicePortScope(NamedTuple):
    """All frontends of a Service port together."""

    service: tuple[str, str]
    port: str
    protocol: str


Scope = FrontendKey | ServicePortScope
"""What shares a turn, or a client's backend."""

BackendPlace = tuple[bytes, int]
"""A backend's packed address and its port."""


@dataclass(frozen=True, slots=True)
class NextTurn:
    """The next connection of `scope` begins to look at `turn`."""

    scope: Scope
    turn: int


@dataclass(frozen=True, slots=True)
class Stick:
    """The client (packed address) stays with this backend for `timeout_s` from now on."""

    scope: Scope
    client: bytes
    backend: BackendPlace
    timeout_s: int


Update = NextTurn | Stick


@dataclass(frozen=True, slots=True)
class Choice:
    """A backend, why it was this one, and what that changes for the next connection."""

    backend: Backend
    why: str
    updates: tuple[Update, ...] = ()


class BalancingView(Protocol):
    """What a choice may ask."""

    def turn(self, scope: Scope) -> int:
        """Where the next connection begins to look; 0 at first."""
        ...

    def sticks_to(self, scope: Scope, client: bytes, now_s: float) -> BackendPlace | None:
        """The backend that this client has had, if that is not too long ago."""
        ...


Load = Callable[[FrontendKey, BackendPlace], tuple[int, int]]
"""How many connections a backend has of a frontend: those at work, and all others."""


class BalancingTable:
    """The one of a node. Time is monotonic, in seconds."""

    def __init__(self, max_clients: int = MAX_CLIENTS) -> None:
        self._turns: dict[Scope, int] = {}
        self._clients: dict[tuple[Scope, bytes], tuple[BackendPlace, float]] = {}
        self._max_clients = max_clients

    def turn(self, scope: Scope) -> int:
        return self._turns.get(scope, 0)

    def sticks_to(self, scope: Scope, client: bytes, now_s: float) -> BackendPlace | None:
        known = self._clients.get((scope, client))
        return None if known is None or known[1] <= now_s else known[0]

    def commit(self, updates: Iterable[Update], now_s: float) -> None:
        """Remember what a choice changed."""
        for update in updates:
            if isinstance(update, NextTurn):
                self._turns[update.scope] = update.turn
            else:
                key = update.scope, update.client
                self._stick(key, update.backend, now_s + update.timeout_s)

    def expire(self, now_s: float) -> None:
        """Forget clients whose time is over, from the one that was here the longest ago."""
        for key, (_, until) in list(islice(self._clients.items(), _EXPIRED_AT_ONCE)):
            if until > now_s:
                return
            del self._clients[key]

    def forget(self, is_gone: Callable[[Scope], bool]) -> None:
        """Forget all of the scopes that are no longer there."""
        for scope in [scope for scope in self._turns if is_gone(scope)]:
            del self._turns[scope]
        for key in [key for key in self._clients if is_gone(key[0])]:
            del self._clients[key]

    def _stick(self, key: tuple[Scope, bytes], backend: BackendPlace, until: float) -> None:
        self._clients.pop(key, None)  # to stand at the end: the first one is the oldest
        if len(self._clients) >= self._max_clients:
            del self._clients[next(iter(self._clients))]
        self._clients[key] = (backend, until)
