"""The flows that a node knows, bounded, with expiry in constant time.

`decide` sees only the reading half (`FlowView`). The datapath that carries out a decision
writes. Expiry is a wheel of one-second slots: a refresh only moves `expires_at`; an entry
whose slot comes up early is put into a later slot. Only the earliest slot of an entry counts,
so the wheel does not grow with the packets of a flow. No slot lies further ahead than
`HORIZON_S`, so that the wheel holds a forgotten entry no longer than that.
"""

from collections.abc import Iterator
from typing import Protocol

from netcore.conntrack.entry import ConntrackEntry
from netcore.conntrack.fragments import DatagramKey, FragmentTable
from netcore.conntrack.timeouts import next_state
from netcore.conntrack.tuple import FlowTuple

DEFAULT_MAX_ENTRIES = 131_072
HORIZON_S = 120.0


class FlowView(Protocol):
    """What `decide` may ask of conntrack."""

    def lookup(self, flow: FlowTuple) -> tuple[ConntrackEntry, bool] | None:
        """The entry that has this tuple, and whether it is its reply direction."""
        ...

    def first_fragment(self, datagram: DatagramKey) -> FlowTuple | None:
        """The tuple that the first fragment of this datagram had when it came in."""
        ...

    @property
    def is_full(self) -> bool: ...


class ConntrackTable:
    """Entries by both of their tuples. Every operation is O(1) amortised.

    `fragments` says which flow later fragments belong to; `expire` sees to it, too.
    """

    def __init__(self, max_entries: int = DEFAULT_MAX_ENTRIES) -> None:
        self.fragments = FragmentTable()
        self._max_entries = max_entries
        self._by_tuple: dict[FlowTuple, tuple[ConntrackEntry, bool]] = {}
        self._wheel: dict[int, list[ConntrackEntry]] = {}
        self._entries = 0
        self._swept_until: int | None = None

    def __len__(self) -> int:
        return self._entries

    def __iter__(self) -> Iterator[ConntrackEntry]:
        return (entry for entry, is_reply in list(self._by_tuple.values()) if not is_reply)

    @property
    def is_full(self) -> bool:
        return self._entries >= self._max_entries

    def lookup(self, flow: FlowTuple) -> tuple[ConntrackEntry, bool] | None:
        return self._by_tuple.get(flow)

    def first_fragment(self, datagram: DatagramKey) -> FlowTuple | None:
        return self.fragments.lookup(datagram)

    def insert(self, entry: ConntrackEntry, now: float) -> bool:
        """Remember a flow. False, and nothing changed, when the table is full or a tuple taken."""
        if self.is_full or entry.original in self._by_tuple or entry.reply in self._by_tuple:
            return False
        entry.expires_at = now + entry.state.timeout_s
        entry.packets[0] = 1
        entry.slot = 0
        self._by_tuple[entry.original] = (entry, False)
        # A packet to oneself has one tuple for both directions: the original wins.
        self._by_tuple.setdefault(entry.reply, (entry, True))
        self._entries += 1
        self._schedule(entry, now)
        return True

    def refresh(self, entry: ConntrackEntry, now: float, tcp_flags: int, *, is_reply: bool) -> None:
        """Account for one more packet of the flow: state, timeout, count."""
        previous = entry.state
        state = next_state(previous, entry.original.protocol, tcp_flags, is_reply=is_reply)
        entry.state = state
        entry.expires_at = now + state.timeout_s
        entry.packets[is_reply] += 1
        if state is not previous and state.timeout_s < previous.timeout_s:
            # Its slot may lie up to HORIZON_S ahead; a closed flow must not wait for it.
            self._schedule(entry, now)

    def remove(self, entry: ConntrackEntry) -> None:
        """Forget a flow; forgetting it twice is harmless."""
        if not self._knows(entry):
            return
        entry.expires_at = 0.0  # over, for those who still hold it
        del self._by_tuple[entry.original]
        if self._by_tuple.get(entry.reply, (None,))[0] is entry:
            del self._by_tuple[entry.reply]
        self._entries -= 1

    def expire(self, now: float) -> int:
        """Forget all flows whose time is over; returns how many. Call about once a second."""
        self.fragments.expire(now)
        second = int(now)
        start = self._swept_until
        if start is None:
            start = min(self._wheel, default=second)
        expired = 0
        for slot in self._due_slots(start, second):
            for entry in self._wheel.pop(slot, ()):
                if entry.slot != slot or not self._knows(entry):
                    continue
                entry.slot = 0
                if entry.expires_at <= now:
                    self.remove(entry)
                    expired += 1
                else:
                    self._schedule(entry, now)
        self._swept_until = second
        return expired

    def _knows(self, entry: ConntrackEntry) -> bool:
        return self._by_tuple.get(entry.original, (None,))[0] is entry

    def _due_slots(self, start: int, second: int) -> list[int]:
        if second - start > len(self._wheel):  # a long pause: look at the slots, not the seconds
            return sorted(slot for slot in self._wheel if slot <= second)
        return list(range(start, second + 1))

    def _schedule(self, entry: ConntrackEntry, now: float) -> None:
        slot = int(min(entry.expires_at, now + HORIZON_S)) + 1
        if entry.slot and entry.slot <= slot:
            return  # it is looked at early enough, and then again
        entry.slot = slot
        self._wheel.setdefault(slot, []).append(entry)
