"""What this server knows of the cluster, fed by the control plane's stream.

A snapshot is gathered aside and swapped in once it is whole: while the stream is down, and
while a new snapshot arrives, answers come from the last whole state.
"""

from collections.abc import Callable

from netcore.dns.index import Index
from netcore.model.change import Batch


class ClusterState:
    """The current index and how far it is. `clock` gives unix seconds, for SOA serials."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._index = Index()
        self._gathering: Index | None = Index()
        self._epoch = ""
        self._revision = 0
        self._serial = 0
        self._synced = False

    @property
    def index(self) -> Index:
        return self._index

    @property
    def serial(self) -> int:
        """Unix time of the last change, 0 before any."""
        return self._serial

    @property
    def synced(self) -> bool:
        """Whether a whole state has been received; never false again after that."""
        return self._synced

    @property
    def resume_point(self) -> tuple[str, int]:
        """Epoch and revision of the current whole state; ("", 0) without one."""
        return self._epoch, self._revision

    def apply(self, batch: Batch) -> None:
        """Take a batch in."""
        if batch.reset:
            self._gathering = Index()
        target = self._index if self._gathering is None else self._gathering
        for change in batch.changes:
            target.apply(change)
        if batch.synced and self._gathering is not None:
            self._index, self._gathering, self._synced = self._gathering, None, True
        if self._gathering is None:
            self._epoch, self._revision = batch.epoch, batch.revision
            if batch.changes:
                self._serial = int(self._clock())

    def disconnected(self) -> None:
        """The stream broke: a half-gathered snapshot is of no use."""
        self._gathering = None if self._synced else Index()
