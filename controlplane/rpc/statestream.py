"""The stream of network state for one watcher: a snapshot or the missed changes, then news.

It reads the store's own history by cursor: nothing is queued per watcher, and one that does
not keep up learns that its place is gone and asks again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controlplane.rpc.manifests import CONFIG_PREFIXES, NodeManifests
from controlplane.rpc.netstate import STATES, prefix_of
from controlplane.store.errors import Expired, FutureRevision
from netcore.model.change import BARRIER, Batch, Change

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from controlplane.rpc.pod_tokens import PodTokens
    from controlplane.store.base import Event, Page, Store, Stored, Watch
    from netcore.model.config import ClusterConfig

PODS = "/registry/core/pods/"
_REGISTRY = "/registry/"
_BARRIER = "/registry/coordination.k8s.io/leases/{}/{}".format(*BARRIER)
_QUIET_REVISIONS = 256
"""After so many revisions of no interest the watcher is told where it stands, so that it can
resume from there."""


class StateStream:
    """`prefixes`: store prefixes whose objects are wanted. `node_name`: whose manifests, or ''."""

    def __init__(
        self,
        store: Store,
        config: ClusterConfig,
        prefixes: frozenset[str],
        node_name: str,
        tokens: PodTokens | None = None,
    ) -> None:
        self._store = store
        self._config = config
        self._prefixes = prefixes
        self._manifests = NodeManifests(node_name, store.get, tokens) if node_name else None

    async def batches(self, epoch: str, since_revision: int) -> AsyncIterator[Batch]:
        """Never ends by itself. Raises Expired when the reader was too slow."""
        watch = self._resumed(epoch, since_revision)
        if watch is None:
            page = await self._list()
            watch = self._store.watch(_REGISTRY, page.revision)
            first = await self._snapshot(page)
        else:
            first = await self._resumption(since_revision)
        try:
            yield first
            async for batch in self._news(watch, first.revision):
                yield batch
        finally:
            watch.close()

    def _resumed(self, epoch: str, since_revision: int) -> Watch | None:
        if epoch != self._store.epoch or not since_revision:
            return None
        try:
            return self._store.watch(_REGISTRY, since_revision)
        except (Expired, FutureRevision):
            return None

    async def _list(self) -> Page:
        def wanted(stored: Stored) -> bool:
            prefix = prefix_of(stored.key)
            return prefix in self._prefixes or (self._manifests is not None and prefix == PODS)

        return await self._store.list(_REGISTRY, select=wanted)

    async def _snapshot(self, page: Page) -> Batch:
        changes: list[Change] = [Change(self._config)]
        for stored in page.items:
            prefix = prefix_of(stored.key)
            if prefix in self._prefixes:
                state = STATES[prefix](stored.value)
                if state is not None:
                    changes.append(Change(state))
            if prefix == PODS and self._manifests is not None:
                changes += await self._manifests.pod(stored, deleted=False)
        return Batch(self._store.epoch, page.revision, tuple(changes), reset=True, synced=True)

    async def _resumption(self, revision: int) -> Batch:
        """What the watcher cannot have missed but this stream has to know: its node's pods.

        They are sent again, with the configuration that they name: to apply them twice is
        harmless, and configuration that came into use meanwhile is not lost.
        """
        changes: list[Change] = [Change(self._config)]
        if self._manifests is not None:
            for stored in (await self._store.list(PODS)).items:
                changes += await self._manifests.pod(stored, deleted=False)
        return Batch(self._store.epoch, revision, tuple(changes))

    async def _news(self, watch: Watch, sent: int) -> AsyncIterator[Batch]:
        first = True
        while True:
            try:
                events = await watch.batch(0 if first else None)
            except StopAsyncIteration:
                return
            changes = await self._fold(events)
            revision = max(watch.revision, sent)
            # A resumed watcher has to hear that it is up to date, even when nothing happened.
            told = first or any(event.key == _BARRIER for event in events)
            if changes or told or revision - sent >= _QUIET_REVISIONS:
                yield Batch(self._store.epoch, revision, tuple(changes), synced=True)
                sent = revision
            first = False

    async def _fold(self, events: Sequence[Event]) -> list[Change]:
        """The changes that the events mean, the latest of each object only."""
        latest: dict[tuple[type, Any], Change] = {}
        for event in events:
            for change in await self._changes(event):
                identity = (type(change.object), getattr(change.object, "key", None))
                latest.pop(identity, None)
                latest[identity] = change
        return list(latest.values())

    async def _changes(self, event: Event) -> list[Change]:
        prefix = prefix_of(event.key)
        changes: list[Change] = []
        if prefix in self._prefixes:
            changes += state_changes(prefix, event)
        if self._manifests is not None:
            deleted = event.type == "DELETED"
            if prefix == PODS:
                changes += await self._manifests.pod(event.stored, deleted=deleted)
            elif prefix in CONFIG_PREFIXES:
                kind = CONFIG_PREFIXES[prefix]
                changes += self._manifests.config(kind, event.stored, deleted=deleted)
        return changes


def state_changes(prefix: str, event: Event) -> list[Change]:
    """What one write means for the network: nothing when it looks the same as before."""
    read = STATES[prefix]
    before = event.before.value if event.before is not None else None
    old = read(before) if before is not None else None
    if event.type == "DELETED":
        gone = old if old is not None else read(event.value)
        return [Change(gone, deleted=True)] if gone is not None else []
    new = read(event.value)
    if new is None:
        return [Change(old, deleted=True)] if old is not None else []
    return [] if new == old else [Change(new)]
