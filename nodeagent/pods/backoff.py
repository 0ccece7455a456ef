"""When a container that ended may start again (client-go's flowcontrol.Backoff)."""

from dataclasses import dataclass
from typing import Final

INITIAL_S: Final = 10.0
MAX_S: Final = 300.0
RESET_AFTER_S: Final = 2 * MAX_S


@dataclass
class RestartBackOff:
    """The first restart is at once, then 10 s doubling to 300 s, counted from the last end.

    A container that stayed up for 10 minutes starts anew. Times are monotonic seconds.
    """

    _delay_s: float = 0.0
    _advanced_at_s: float = 0.0

    def remaining_s(self, ended_at_s: float, now_s: float) -> float:
        """How long to wait before a start; 0 when it may be now."""
        if not self._delay_s or self._expired(ended_at_s):
            return 0.0
        return max(0.0, ended_at_s + self._delay_s - now_s)

    def advance(self, ended_at_s: float, now_s: float) -> None:
        """A restart happens now after an end at `ended_at_s`."""
        if not self._delay_s or self._expired(ended_at_s):
            self._delay_s = INITIAL_S
        else:
            self._delay_s = min(2 * self._delay_s, MAX_S)
        self._advanced_at_s = now_s

    @property
    def delay_s(self) -> float:
        return self._delay_s

    def _expired(self, ended_at_s: float) -> bool:
        return ended_at_s - self._advanced_at_s > RESET_AFTER_S


def duration_text(seconds: float) -> str:
    """As Go prints it in `back-off 1m20s restarting failed container`."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
