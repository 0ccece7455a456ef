"""How many connections each backend of a Service has, as IPVS counts them.

Source: Linux net/netfilter/ipvs/ip_vs_proto_tcp.c (tcp_state_active_table): active is a TCP
connection that begins or is established, inactive one that ends, and everything that is not TCP.
"""

from collections.abc import Iterator

from netcore.conntrack.entry import BackendKey, ConntrackEntry
from netcore.conntrack.timeouts import FlowState

_ACTIVE = frozenset((FlowState.SYN_SENT, FlowState.SYN_RECV, FlowState.ESTABLISHED))


class LoadCount:
    """Kept by the conntrack table; every change is O(1)."""

    def __init__(self) -> None:
        self._counts: dict[BackendKey, list[int]] = {}

    def __iter__(self) -> Iterator[BackendKey]:
        """Those that have connections."""
        return iter(self._counts)

    def of(self, key: BackendKey) -> tuple[int, int]:
        """(active, inactive) connections."""
        count = self._counts.get(key)
        return (count[1], count[0]) if count else (0, 0)

    def add(self, entry: ConntrackEntry) -> None:
        """Count a new flow; nothing happens when no Service is behind it."""
        key = entry.backend_key
        if key is not None:
            self._counts.setdefault(key, [0, 0])[_is_active(entry.state)] += 1

    def change(self, entry: ConntrackEntry, previous: FlowState) -> None:
        """The flow was in state `previous`, and no longer is."""
        if entry.frontend is None or _is_active(previous) == _is_active(entry.state):
            return
        key = entry.backend_key
        assert key is not None, "it has a frontend"
        count = self._counts[key]
        count[_is_active(previous)] -= 1
        count[_is_active(entry.state)] += 1

    def remove(self, entry: ConntrackEntry) -> None:
        """The flow is gone."""
        key = entry.backend_key
        if key is None:
            return
        count = self._counts[key]
        count[_is_active(entry.state)] -= 1
        if not any(count):
            del self._counts[key]


def _is_active(state: FlowState) -> bool:
    return state in _ACTIVE
