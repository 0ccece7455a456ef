"""Which node a flow went to, so that it goes on there while others come and go."""

from collections import OrderedDict
from typing import Generic, TypeVar

Key = TypeVar("Key")

MAX_FLOWS = 65_536
_IDLE_S = 300.0


class FlowTable(Generic[Key]):
    """Bounded: the flow that was idle for longest gives way to a new one. Times in seconds."""

    def __init__(self, max_entries: int = MAX_FLOWS, idle_s: float = _IDLE_S) -> None:
        self._max = max_entries
        self._idle_s = idle_s
        self._nodes: OrderedDict[Key, tuple[bytes, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._nodes)

    def find(self, key: Key, now_s: float) -> bytes | None:
        """The flow's node, which thereby counts as in use now."""
        found = self._nodes.get(key)
        if found is None:
            return None
        node, last_s = found
        if now_s - last_s > self._idle_s:
            del self._nodes[key]
            return None
        self.put(key, node, now_s)
        return node

    def put(self, key: Key, node: bytes, now_s: float) -> None:
        """The flow goes to that node from now on."""
        self._nodes[key] = node, now_s
        self._nodes.move_to_end(key)
        if len(self._nodes) > self._max:
            self._nodes.popitem(last=False)

    def expire(self, now_s: float) -> None:
        """Forget what has been idle for too long."""
        while self._nodes:
            key, (_, last_s) = next(iter(self._nodes.items()))
            if now_s - last_s <= self._idle_s:
                return
            del self._nodes[key]
