"""What a node remembers of flows: which there are, whose turn it is, who sticks to whom."""

from netcore.conntrack.table import ConntrackTable
from netcore.packet.packet import Packet
from netcore.pipeline.snapshot import Snapshot
from netcore.pipeline.stale import gone_backends
from netcore.pipeline.verdict import Decision
from netcore.service.balancing import BalancingTable


class Tracking:
    """Belongs to the datapath's thread. Times are monotonic seconds."""

    def __init__(self) -> None:
        self.conntrack = ConntrackTable()
        self.balancing = BalancingTable()
        self._scopes_changed = False

    def keep(self, decision: Decision, packet: Packet, now: float) -> bool:
        """Remember what a decision says; False: there is no room for a flow that it begins."""
        entry = decision.entry
        if entry is None:
            return True
        if not decision.is_new:
            self.conntrack.refresh(entry, now, packet.tcp_flags, is_reply=decision.is_reply)
            return True
        if decision.replaces is not None:
            self.conntrack.remove(decision.replaces)
        if not self.conntrack.insert(entry, now):
            return False
        if decision.balancing:
            self.balancing.commit(decision.balancing, now)
        return True

    def forget_pod(self, ips: tuple[bytes, ...]) -> None:
        """Another pod may get its addresses."""
        gone = frozenset(ips)
        self.conntrack.remove_those(lambda entry: entry.has_end(gone))

    def follow(self, last: Snapshot, now: Snapshot) -> None:
        """Forget flows to endpoints that `last` still had; before `now` is in force."""
        gone = gone_backends(self.conntrack.loaded(), last, now)
        if gone:
            self.conntrack.remove_those(lambda entry: entry.backend_key in gone)
        self._scopes_changed |= now.frontends is not last.frontends

    def expire(self, now: float, snapshot: Snapshot) -> None:
        """Forget what has been idle for too long, and whose turn it was where nothing is left."""
        self.conntrack.expire(now)
        self.balancing.expire(now)
        if self._scopes_changed:
            self._scopes_changed = False
            self.balancing.forget(snapshot.has_no_scope)
