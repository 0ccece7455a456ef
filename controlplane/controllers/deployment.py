"""Rolls Deployments out: one ReplicaSet per template, old ones shrink as the new one grows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controlplane.api.errors import StatusError
from controlplane.api.strategies.selectors import selector_matches
from controlplane.controllers import rollout
from controlplane.controllers.claims import Claims
from controlplane.controllers.conditions import controller_of, is_active, is_terminating
from controlplane.controllers.controller import Controller
from controlplane.controllers.deployment_sets import (
    annotations_of,
    new_replica_set,
    size_annotations,
)
from controlplane.controllers.deployment_status import (
    deployment_status,
    is_complete,
    seconds_to_deadline,
)
from controlplane.controllers.informer import Key, key_of
from controlplane.controllers.recorder import involved
from controlplane.controllers.replicas import wanted_replicas
from controlplane.controllers.replicaset import RESOURCE as REPLICA_SETS

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from controlplane.api.client import Client
    from controlplane.controllers.informer import Informers
    from controlplane.controllers.recorder import EventRecorder

Object = dict[str, Any]
RESOURCE = "deployments.apps"
_COMPONENT = "deployment-controller"


class DeploymentController(Controller[Key]):
    """Creates and sizes ReplicaSets; counts and judges the rollout."""

    name = "deployment"

    def __init__(
        self,
        client: Client,
        informers: Informers,
        recorder: EventRecorder,
        now: Callable[[], datetime],
    ) -> None:
        super().__init__()
        self._client = client
        self._recorder = recorder
        self._now = now
        self._claims = Claims(client, REPLICA_SETS)
        informers.of(RESOURCE).subscribe(self._deployment_changed)
        informers.of(REPLICA_SETS).subscribe(self._owned_changed)
        informers.of("pods").subscribe(self._pod_changed)
        self._sets = informers.of(REPLICA_SETS)

    def _deployment_changed(self, old: Object | None, new: Object | None) -> None:
        if new is not None:
            self.queue.add(key_of(new))

    def _owned_changed(self, old: Object | None, new: Object | None) -> None:
        for replica_set in (old, new):
            owner = controller_of(replica_set) if replica_set else None
            if replica_set and owner and owner.get("kind") == "Deployment":
                self.queue.add((replica_set["metadata"]["namespace"], owner["name"]))

    def _pod_changed(self, old: Object | None, new: Object | None) -> None:
        """A Recreate rollout waits for the last old pod to be gone."""
        if old is None or new is not None:
            return
        owner = controller_of(old)
        if owner and owner.get("kind") == "ReplicaSet":
            self._owned_changed(None, self._sets.get(old["metadata"]["namespace"], owner["name"]))

    async def reconcile(self, key: Key) -> None:
        """One step of the rollout; the ReplicaSets' changes bring the next one."""
        namespace, name = key
        try:
            deployment = await self._client.get(RESOURCE, name, namespace)
        except StatusError as error:
            if error.reason != "NotFound":
                raise
            return
        replica_sets = await self._own_sets(deployment)
        if not is_terminating(deployment):
            await self._step(deployment, replica_sets)
        await self._write_status(deployment)

    async def _own_sets(self, deployment: Object) -> list[Object]:
        replica_sets, _ = await self._client.list(REPLICA_SETS, deployment["metadata"]["namespace"])
        selector = deployment["spec"]["selector"]
        return await self._claims.claim(
            deployment,
            replica_sets,
            lambda rs: selector_matches(selector, rs["metadata"].get("labels") or {}),
        )

    async def _step(self, deployment: Object, replica_sets: list[Object]) -> None:
        new = rollout.find_new(deployment, replica_sets)
        old = [rs for rs in replica_sets if new is None or rs is not new]
        if deployment["spec"].get("paused") or rollout.is_scaling(deployment, replica_sets):
            await self._scale_as_it_is(deployment, new, old)
            return
        recreate = (deployment["spec"].get("strategy") or {}).get("type") == "Recreate"
        if recreate and await self._end_old(deployment, old):
            return
        if new is None:
            new = await self._create_new(deployment, old)
        else:
            new = await self._annotate_new(deployment, new, old)
        await self._scale(deployment, new, rollout.new_replicas(deployment, new, old))
        if not recreate:
            new = await self._client.get(
                REPLICA_SETS, new["metadata"]["name"], new["metadata"]["namespace"]
            )
            sizes = rollout.old_replicas(deployment, new, old)
            for replica_set in old:
                await self._scale(deployment, replica_set, sizes[replica_set["metadata"]["name"]])

    async def _scale_as_it_is(
        self, deployment: Object, new: Object | None, old: list[Object]
    ) -> None:
        """Scaled or paused: sizes follow the wanted number, no template is rolled out."""
        every = [*old, new] if new is not None else old
        active = [rs for rs in every if wanted_replicas(rs)]
        latest = new or (rollout.by_age(old)[-1] if old else None)
        if len(active) <= 1:
            target = active[0] if active else latest
            if target is not None:
                await self._scale(deployment, target, wanted_replicas(deployment))
            return
        if new is not None and rollout.available(new) == wanted_replicas(deployment):
            sizes = {rs["metadata"]["name"]: 0 for rs in old}
            sizes[new["metadata"]["name"]] = wanted_replicas(deployment)
        else:
            sizes = rollout.proportional(deployment, active)
        for replica_set in every:
            await self._scale(
                deployment, replica_set, sizes.get(replica_set["metadata"]["name"], 0)
            )

    async def _end_old(self, deployment: Object, old: list[Object]) -> bool:
        """Recreate: whether old pods are still there, after having been told to go."""
        for replica_set in old:
            await self._scale(deployment, replica_set, 0)
        uids = {replica_set["metadata"]["uid"] for replica_set in old}
        pods, _ = await self._client.list("pods", deployment["metadata"]["namespace"])
        return any(
            (controller_of(pod) or {}).get("uid") in uids
            and (is_active(pod) or is_terminating(pod))
            for pod in pods
        )

    async def _create_new(self, deployment: Object, old: list[Object]) -> Object:
        fresh = new_replica_set(deployment, old)
        try:
            made = await self._client.create(REPLICA_SETS, fresh)
        except StatusError as error:
            if error.reason == "AlreadyExists":
                await self._count_collision(deployment)
            raise
        self._say_scaled(deployment, made["metadata"]["name"], 0, wanted_replicas(fresh))
        return made

    async def _count_collision(self, deployment: Object) -> None:
        def count(current: Object) -> None:
            status = current.setdefault("status", {})
            status["collisionCount"] = int(status.get("collisionCount") or 0) + 1

        namespace, name = key_of(deployment)
        await self._client.patch(RESOURCE, name, count, namespace, subresource="status")

    async def _annotate_new(self, deployment: Object, new: Object, old: list[Object]) -> Object:
        """A template that comes back (rollback) becomes the latest revision again."""
        min_ready_s = deployment["spec"].get("minReadySeconds") or 0
        revision = rollout.next_revision(old)
        before = rollout.revision_of(new)
        wanted = annotations_of(deployment, max(revision, before))

        def annotate(current: Object) -> None:
            annotations = current["metadata"].setdefault("annotations", {})
            if before and before < revision:
                history = annotations.get(rollout.REVISION_HISTORY)
                past = f"{history},{before}" if history else str(before)
                annotations[rollout.REVISION_HISTORY] = past
            annotations.update(wanted)
            current["spec"]["minReadySeconds"] = min_ready_s
            if not min_ready_s:
                del current["spec"]["minReadySeconds"]

        same_wait = (new["spec"].get("minReadySeconds") or 0) == min_ready_s
        present = new["metadata"].get("annotations") or {}
        if same_wait and all(present.get(key) == value for key, value in wanted.items()):
            return new
        namespace, name = key_of(new)
        return await self._client.patch(REPLICA_SETS, name, annotate, namespace)

    async def _scale(self, deployment: Object, replica_set: Object, size: int) -> None:
        before = wanted_replicas(replica_set)
        noted = size_annotations(deployment)
        present = replica_set["metadata"].get("annotations") or {}
        if before == size and all(present.get(key) == value for key, value in noted.items()):
            return

        def resize(current: Object) -> None:
            current["spec"]["replicas"] = size
            current["metadata"].setdefault("annotations", {}).update(noted)

        namespace, name = key_of(replica_set)
        await self._client.patch(REPLICA_SETS, name, resize, namespace)
        if before != size:
            self._say_scaled(deployment, name, before, size)

    def _say_scaled(self, deployment: Object, name: str, before: int, size: int) -> None:
        way = "up" if size > before else "down"
        message = f"Scaled {way} replica set {name} from {before} to {size}"
        about = involved(deployment)
        self._recorder.record(about, "Normal", "ScalingReplicaSet", message, _COMPONENT)

    async def _clean_up(self, deployment: Object, old: list[Object]) -> None:
        """Old templates beyond the limit go, but only once the rollout is over."""
        for replica_set in rollout.surplus(deployment, old):
            namespace, name = key_of(replica_set)
            uid = replica_set["metadata"]["uid"]
            try:
                await self._client.delete(REPLICA_SETS, name, namespace, uid=uid)
            except StatusError as error:
                if error.reason != "NotFound":
                    raise

    async def _write_status(self, deployment: Object) -> None:
        namespace, name = key_of(deployment)
        replica_sets = await self._own_sets(deployment)
        new = rollout.find_new(deployment, replica_sets)
        await self._note_revision(deployment, new)

        def change(current: Object) -> None:
            if current["metadata"]["uid"] == deployment["metadata"]["uid"]:
                observed = {**deployment, "status": current.get("status") or {}}
                current["status"] = deployment_status(observed, new, replica_sets, self._now())

        try:
            stored = await self._client.patch(
                RESOURCE, name, change, namespace, subresource="status"
            )
        except StatusError as error:
            if error.reason != "NotFound":
                raise
            return
        if not is_terminating(stored) and is_complete(stored, stored["status"]):
            await self._clean_up(stored, [rs for rs in replica_sets if rs is not new])
        delay_s = seconds_to_deadline(stored, self._now())
        if delay_s is not None:
            self.queue.add_after(key_of(deployment), delay_s)

    async def _note_revision(self, deployment: Object, new: Object | None) -> None:
        if new is None or is_terminating(deployment):
            return
        revision = str(rollout.revision_of(new))
        if (deployment["metadata"].get("annotations") or {}).get(rollout.REVISION) == revision:
            return

        def note(current: Object) -> None:
            current["metadata"].setdefault("annotations", {})[rollout.REVISION] = revision

        namespace, name = key_of(deployment)
        await self._client.patch(RESOURCE, name, note, namespace)
