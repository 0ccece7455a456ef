"""The flows that a node knows, bounded, with expiry in constant time.

`decide` sees only the reading half (`FlowView`). The datapath that carries out a decision
writes. When the table is full, a new flow takes the place of the oldest one that is not
assured (Linux: early_drop in nf_conntrack_core.c); where all are, it is refused.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from netcore.conntrack.entry import BackendKey, ConntrackEntry
from netcore.conntrack.fragments import DatagramKey, FragmentTable
from netcore.conntrack.load import LoadCount
from netcore.conntrack.timeouts import FlowState, next_state
from netcore.conntrack.tuple import FlowTuple, pack_flow
from netcore.conntrack.wheel import Wheel
from netcore.packet.protocols import TCP_FIN, TCP_RST, TCP_SYN

DEFAULT_MAX_ENTRIES = 131_072
_CHANGES_STATE = TCP_SYN | TCP_FIN | TCP_RST
_SLACK = 1024
"""So many stale references, or free places in the index, are not worth looking after."""


class FlowView(Protocol):
    """What `decide` may ask of conntrack."""

    def lookup(self, flow: FlowTuple) -> tuple[ConntrackEntry, bool] | None:
        """The entry that has this tuple, and whether it is its reply direction."""
        ...

    def first_fragment(self, datagram: DatagramKey) -> FlowTuple | None:
        """The tuple that the first fragment of this datagram had when it came in."""
        ...

    def load(self, frontend: tuple[bytes, int, int], backend: tuple[bytes, int]) -> tuple[int, int]:
        """How many active and inactive connections a backend has through a frontend."""
        ...

    @property
    def is_full(self) -> bool:
        """No new flow can be remembered: all that are known are assured."""
        ...


class ConntrackTable:
    """Entries by both of their tuples. Every operation is O(1) amortised.

    Memory is bounded by `max_entries` however fast flows come and go, and given back after a
    flood. `fragments` says which flow later fragments belong to; `expire` sees to it, too.
    `early_drops` counts the flows that gave way to new ones.
    """

    def __init__(self, max_entries: int = DEFAULT_MAX_ENTRIES) -> None:
        self.fragments = FragmentTable()
        self.early_drops = 0
        self.max_entries = max_entries
        self._by_key: dict[bytes, ConntrackEntry] = {}
        self._wheel = Wheel()
        self._unassured: deque[ConntrackEntry] = deque()  # the oldest first; may be stale
        self._entries = 0
        self._peak = 0
        self._load = LoadCount()

    def __len__(self) -> int:
        return self._entries

    def __iter__(self) -> Iterator[ConntrackEntry]:
        known = list(self._by_key.items())
        return (entry for key, entry in known if key == entry.original_key)

    @property
    def is_full(self) -> bool:
        return self._entries >= self.max_entries and self._first_unassured() is None

    def lookup(self, flow: FlowTuple) -> tuple[ConntrackEntry, bool] | None:
        key = pack_flow(flow)
        entry = self._by_key.get(key)
        return None if entry is None else (entry, key != entry.original_key)

    def first_fragment(self, datagram: DatagramKey) -> FlowTuple | None:
        return self.fragments.lookup(datagram)

    def load(self, frontend: tuple[bytes, int, int], backend: tuple[bytes, int]) -> tuple[int, int]:
        return self._load.of((frontend, backend))

    def loaded(self) -> Iterable[BackendKey]:
        """The backends that have flows through a Service, with their frontends."""
        return self._load

    def insert(self, entry: ConntrackEntry, now: float) -> bool:
        """Remember a flow. False, and nothing changed, when the table is full or a tuple taken."""
        by_key = self._by_key
        if entry.original_key in by_key or entry.reply_key in by_key or not self._has_room():
            return False
        entry.expires_at = now + entry.state.timeout_s
        entry.original_packets = 1
        by_key[entry.original_key] = entry
        # A packet to oneself has one tuple for both directions: the original wins.
        by_key.setdefault(entry.reply_key, entry)
        self._entries += 1
        self._load.add(entry)
        self._peak = max(self._peak, self._entries)
        entry.slot = -1
        self._wheel.schedule(entry, now)
        if not entry.state.is_assured:
            self._unassured.append(entry)
        self._drop_stale_references()
        return True

    def refresh(self, entry: ConntrackEntry, now: float, tcp_flags: int, *, is_reply: bool) -> None:
        """Account for one more packet of the flow: state, timeout, count."""
        state = previous = entry.state
        if state is not FlowState.ESTABLISHED or tcp_flags & _CHANGES_STATE:
            state = next_state(previous, entry.original_key[0], tcp_flags, is_reply=is_reply)
        entry.expires_at = now + state.timeout_s
        if is_reply:
            entry.reply_packets += 1
        else:
            entry.original_packets += 1
        if state is previous:
            return
        entry.state = state
        self._load.change(entry, previous)
        if state.timeout_s < previous.timeout_s:
            # Its slot may lie up to the wheel's horizon ahead; a closed flow must not wait.
            self._wheel.schedule(entry, now)
        if previous.is_assured and not state.is_assured:
            self._unassured.append(entry)
        self._drop_stale_references()

    def remove(self, entry: ConntrackEntry) -> None:
        """Forget a flow; forgetting it twice is harmless."""
        if not self._knows(entry):
            return
        entry.expires_at = 0.0  # over, for those who still hold it
        del self._by_key[entry.original_key]
        if self._by_key.get(entry.reply_key) is entry:
            del self._by_key[entry.reply_key]
        self._entries -= 1
        self._load.remove(entry)

    def remove_those(self, are_meant: Callable[[ConntrackEntry], bool]) -> int:
        """Forget all flows that `are_meant`; returns how many. Looks at every flow."""
        meant = [entry for entry in self if are_meant(entry)]
        for entry in meant:
            self.remove(entry)
        return len(meant)

    def expire(self, now: float) -> int:
        """Forget all flows whose time is over; returns how many. Call about once a second."""
        self.fragments.expire(now)
        expired = 0
        for entry in self._wheel.due(now):
            if not self._knows(entry):
                continue
            if entry.expires_at <= now:
                self.remove(entry)
                expired += 1
            else:
                self._wheel.schedule(entry, now)
        self._drop_stale_references()
        self._shrink()
        return expired

    def _knows(self, entry: ConntrackEntry) -> bool:
        return self._by_key.get(entry.original_key) is entry

    def _has_room(self) -> bool:
        if self._entries < self.max_entries:
            return True
        oldest = self._first_unassured()
        if oldest is None:
            return False
        self.remove(oldest)
        self.early_drops += 1
        return True

    def _first_unassured(self) -> ConntrackEntry | None:
        waiting = self._unassured
        while waiting:
            if self._gives_way(waiting[0]):
                return waiting[0]
            waiting.popleft()
        return None

    def _gives_way(self, entry: ConntrackEntry) -> bool:
        return not entry.state.is_assured and self._knows(entry)

    def _drop_stale_references(self) -> None:
        """A flow that went early is still named by the wheel and the queue: not by too many."""
        bound = 2 * self._entries + _SLACK
        if len(self._unassured) > bound:
            self._unassured = deque(filter(self._gives_way, dict.fromkeys(self._unassured)))
        if len(self._wheel) > bound:
            self._wheel.clean(self._knows)

    def _shrink(self) -> None:
        """A dict keeps the room of its largest size until it is made anew."""
        if self._peak > 4 * self._entries + _SLACK:
            self._by_key = dict(self._by_key.items())
            self._peak = self._entries
