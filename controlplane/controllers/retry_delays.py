"""How long to wait before something that failed is tried again, ever longer, by key."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable
    from datetime import datetime

K = TypeVar("K", bound="Hashable")
_MAX_KEYS = 4096


class RetryDelays(Generic[K]):
    """Doubles from `first_s` to `longest_s`; forgotten after twice the longest without a try.

    Source: k8s.io/client-go util/flowcontrol/backoff.go. The oldest of too many keys go.
    """

    def __init__(self, first_s: float, longest_s: float) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._tries: OrderedDict[K, tuple[datetime, float]] = OrderedDict()

    def wait_s(self, key: K, now: datetime) -> float:
        """How long `key` has to wait still; 0: this is the next try, which is noted."""
        last, delay_s = self._tries.get(key, (None, 0.0))
        passed_s = (now - last).total_seconds() if last else 0.0
        if last is not None and passed_s < delay_s:
            return delay_s - passed_s
        if last is None or passed_s > 2 * self._longest_s:
            delay_s = 0.0
        longer_s = min(delay_s * 2 or self._first_s, self._longest_s)
        self._tries[key] = (now, longer_s)
        self._tries.move_to_end(key)
        while len(self._tries) > _MAX_KEYS:
            self._tries.popitem(last=False)
        return 0.0
