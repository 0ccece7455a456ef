"""Keeps StatefulSets: numbered pods, one after the other, each with its name and claims."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controlplane.controllers.pod_owner import PodOwnerController
from controlplane.controllers.revision_history import RevisionHistory
from controlplane.controllers.stateful_control import StatefulPodControl
from controlplane.controllers.stateful_pods import ordinal_of, revision_of, wanted_ordinals
from controlplane.controllers.stateful_steps import (
    Planner,
    Revisions,
    revision_for,
    stateful_set_status,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from controlplane.api.client import Client
    from controlplane.controllers.informer import Informers
    from controlplane.controllers.recorder import EventRecorder
    from controlplane.controllers.stateful_steps import Steps

Object = dict[str, Any]
HASH_LABEL = "controller.kubernetes.io/hash"


class StatefulSetController(PodOwnerController):
    """One step at a time for ordered sets, all at once for Parallel ones."""

    name = "statefulset"
    resource = "statefulsets.apps"
    kind = "StatefulSet"
    component = "statefulset-controller"

    def __init__(
        self,
        client: Client,
        informers: Informers,
        recorder: EventRecorder,
        now: Callable[[], datetime],
    ) -> None:
        super().__init__(client, informers, recorder, now)
        self._history = RevisionHistory(client, self.resource, HASH_LABEL)
        self._stateful = StatefulPodControl(client, self._control)

    def selects(self, owner: Object, pod: Object) -> bool:
        """Whether labels and name are those of a pod of the set."""
        return super().selects(owner, pod) and ordinal_of(owner, pod) is not None

    async def sync(self, owner: Object) -> None:
        """One round of steps, then the status; changes of the pods bring the next round."""
        pods = await self._own_pods(owner)
        known = await self._history.list(owner)
        revisions = await self._revisions(owner, known)
        steps = Planner(owner, revisions, pods, self._now()).steps()
        staying = [p for p in pods if ordinal_of(owner, p) in wanted_ordinals(owner)]
        await self._stateful.keep_claims(owner, staying, condemned=False)
        try:
            await self._take(owner, revisions, steps)
        finally:
            pods = await self._own_pods(owner)
            await self._write_status(
                owner,
                lambda current: stateful_set_status(
                    {**owner, "status": current.get("status")}, revisions, pods, self._now()
                ),
            )
        self._return_when_available(owner, pods)
        await self._cut_history(owner, revisions, pods)

    async def _revisions(self, owner: Object, known: Sequence[Object]) -> Revisions:
        update = await self._history.current(owner, known)
        name = (owner.get("status") or {}).get("currentRevision")
        current = next((r for r in known if r["metadata"]["name"] == name), update)
        return Revisions(current, update)

    async def _take(self, owner: Object, revisions: Revisions, steps: Steps) -> None:
        for ordinal in steps.create:
            revision = revision_for(owner, revisions, ordinal)
            await self._stateful.create(owner, revision, ordinal)
        for pod in steps.repair:
            await self._stateful.repair(owner, pod)
        await self._stateful.keep_claims(owner, steps.scale_down, condemned=True)
        for pod in (*steps.scale_down, *steps.delete):
            await self._stateful.delete(owner, pod)

    async def _cut_history(
        self, owner: Object, revisions: Revisions, pods: Sequence[Object]
    ) -> None:
        known = await self._history.list(owner)
        await self._history.cut(owner, known, {*revisions.names, *map(revision_of, pods)})
