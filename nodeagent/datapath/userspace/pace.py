"""How many frames one wake-up takes from a descriptor.

Asking a descriptor that has nothing more to give costs as much as forwarding a packet. Where
packets come one by one, as in a dialogue, one is taken per wake-up; where they queue up, many.
"""

from dataclasses import dataclass

MOST_FRAMES = 64
"""So many at most before other descriptors have their turn."""

_PATIENCE = 8


@dataclass(slots=True)
class Pace:
    """One descriptor's; `frames` is the bound for the next wake-up, from 1 to MOST_FRAMES."""

    frames: int = 1
    _used_up: int = 0

    def used_up(self) -> None:
        """As many frames as allowed were there: perhaps there are more."""
        self._used_up += 1
        if self._used_up >= _PATIENCE or self.frames > 1:
            self.frames = min(MOST_FRAMES, self.frames * 2)
            self._used_up = 0

    def found(self, frames: int) -> None:
        """So many were there, and then no more."""
        self.frames = max(1, frames)
        self._used_up = 0
