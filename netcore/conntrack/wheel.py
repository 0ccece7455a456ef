"""When to look at which flow again: a timer wheel of one-second slots.

A refresh of a flow only moves its `expires_at`; an entry whose slot comes up early is put into
a later one. Only the slot that the entry names counts, so the wheel does not grow with the
packets of a flow.
"""

from collections.abc import Callable, Iterator

from netcore.conntrack.entry import ConntrackEntry

HORIZON_S = 120.0
"""No slot lies further ahead: the wheel holds a forgotten entry no longer than that."""

_SLOTS = 256  # a power of two; more seconds than the horizon


class Wheel:
    """References to entries, by the second in which they may be over."""

    def __init__(self) -> None:
        self._slots: list[list[ConntrackEntry]] = [[] for _ in range(_SLOTS)]
        self._swept_until: int | None = None
        self._references = 0
        self._next_to_clean = 0

    def __len__(self) -> int:
        """How many references there are, stale ones included."""
        return self._references

    def schedule(self, entry: ConntrackEntry, now: float) -> None:
        """See to it that `due` names the entry soon after `expires_at`, or earlier."""
        second = int(now)
        ahead = int(min(entry.expires_at, now + HORIZON_S)) + 1 - second
        if entry.slot >= 0 and (entry.slot - second) % _SLOTS <= ahead:
            return  # it is looked at early enough, and then again
        entry.slot = (second + ahead) % _SLOTS
        self._slots[entry.slot].append(entry)
        self._references += 1

    def due(self, now: float) -> Iterator[ConntrackEntry]:
        """Takes out the entries to look at by now; those that stay are to be scheduled again."""
        second = int(now)
        start = self._swept_until
        # Before the first sweep, and after a long pause: look at all of them.
        first = second - _SLOTS + 1 if start is None else max(start, second - _SLOTS + 1)
        self._swept_until = second
        for number in range(first, second + 1):
            slot = number % _SLOTS
            entries, self._slots[slot] = self._slots[slot], []
            self._references -= len(entries)
            for entry in entries:
                if entry.slot == slot:
                    entry.slot = -1
                    yield entry

    def clean(self, wanted: Callable[[ConntrackEntry], bool]) -> None:
        """Forget the references of one slot that are stale or not wanted; the next slot is next.

        One at a time, so that no packet waits for the whole wheel.
        """
        slot = self._next_to_clean
        self._next_to_clean = (slot + 1) % _SLOTS
        entries = self._slots[slot]
        kept = [entry for entry in entries if entry.slot == slot and wanted(entry)]
        self._slots[slot] = kept
        self._references -= len(entries) - len(kept)
