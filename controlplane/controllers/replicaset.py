"""Keeps every ReplicaSet's pods at the wanted number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controlplane.api.errors import StatusError
from controlplane.api.strategies.selectors import selector_matches
from controlplane.controllers.conditions import (
    controller_of,
    is_active,
    is_terminating,
    owner_reference,
    with_condition,
)
from controlplane.controllers.controller import Controller
from controlplane.controllers.informer import Key, key_of
from controlplane.controllers.recorder import involved
from controlplane.controllers.replicas import pod_from_template, replica_set_status, replicate

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from controlplane.api.client import Client
    from controlplane.controllers.informer import Informers
    from controlplane.controllers.recorder import EventRecorder
    from controlplane.controllers.replicas import Replication

Object = dict[str, Any]
RESOURCE = "replicasets.apps"
_COMPONENT = "replicaset-controller"


class ReplicaSetController(Controller[Key]):
    """Creates, deletes, adopts and counts pods."""

    name = "replicaset"

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
        self._sets = informers.of(RESOURCE)
        self._sets.subscribe(self._set_changed)
        informers.of("pods").subscribe(self._pod_changed)

    def _set_changed(self, old: Object | None, new: Object | None) -> None:
        if new is not None:
            self.queue.add(key_of(new))

    def _pod_changed(self, old: Object | None, new: Object | None) -> None:
        for pod in (old, new):
            if pod is None:
                continue
            owner = controller_of(pod)
            if owner is None:
                self._enqueue_adopters(pod)
            elif owner.get("kind") == "ReplicaSet":
                self.queue.add((pod["metadata"]["namespace"], owner["name"]))

    def _enqueue_adopters(self, pod: Object) -> None:
        labels = pod["metadata"].get("labels") or {}
        for replica_set in self._sets.in_namespace(pod["metadata"]["namespace"]):
            if selector_matches(replica_set["spec"]["selector"], labels):
                self.queue.add(key_of(replica_set))

    async def reconcile(self, key: Key) -> None:
        """Creates or deletes pods, then writes the counts."""
        namespace, name = key
        try:
            replica_set = await self._client.get(RESOURCE, name, namespace)
        except StatusError as error:
            if error.reason != "NotFound":
                raise
            return
        pods = await self._own_pods(replica_set)
        failure = None
        todo = replicate(replica_set, pods)
        if todo.is_work and not is_terminating(replica_set):
            failure = await self._replicate(replica_set, todo)
            pods = await self._own_pods(replica_set)
        await self._write_status(replica_set, pods, failure)
        if failure is not None:
            raise failure

    async def _own_pods(self, replica_set: Object) -> list[Object]:
        """The pods that it controls; orphans that match are adopted, strangers released."""
        namespace = replica_set["metadata"]["namespace"]
        uid = replica_set["metadata"]["uid"]
        pods, _ = await self._client.list("pods", namespace)
        own = []
        for pod in pods:
            owner = controller_of(pod)
            labels = pod["metadata"].get("labels") or {}
            matches = selector_matches(replica_set["spec"]["selector"], labels)
            if owner is not None:
                if owner["uid"] == uid and matches:
                    own.append(pod)
                elif owner["uid"] == uid and not is_terminating(pod):
                    await self._release(pod, uid)
            elif matches and is_active(pod) and not is_terminating(replica_set):
                own.append(await self._adopt(pod, replica_set))
        return own

    async def _adopt(self, pod: Object, replica_set: Object) -> Object:
        def adopt(current: Object) -> None:
            if controller_of(current) is None:
                reference = owner_reference(replica_set, "apps/v1", "ReplicaSet")
                current["metadata"].setdefault("ownerReferences", []).append(reference)

        namespace, name = key_of(pod)
        return await self._client.patch("pods", name, adopt, namespace)

    async def _release(self, pod: Object, uid: str) -> None:
        def release(current: Object) -> None:
            owners = current["metadata"].get("ownerReferences") or []
            current["metadata"]["ownerReferences"] = [o for o in owners if o["uid"] != uid]

        namespace, name = key_of(pod)
        await self._client.patch("pods", name, release, namespace)

    async def _replicate(self, replica_set: Object, todo: Replication) -> StatusError | None:
        about = involved(replica_set)
        for _ in range(todo.create):
            try:
                pod = await self._client.create("pods", pod_from_template(replica_set))
            except StatusError as error:
                message = f"Error creating: {error.message}"
                self._recorder.record(about, "Warning", "FailedCreate", message, _COMPONENT)
                return error
            message = f"Created pod: {pod['metadata']['name']}"
            self._recorder.record(about, "Normal", "SuccessfulCreate", message, _COMPONENT)
        for pod in todo.delete:
            namespace, name = key_of(pod)
            try:
                await self._client.delete("pods", name, namespace, uid=pod["metadata"]["uid"])
            except StatusError as error:
                if error.reason != "NotFound":
                    return error
            message = f"Deleted pod: {name}"
            self._recorder.record(about, "Normal", "SuccessfulDelete", message, _COMPONENT)
        return None

    async def _write_status(
        self, replica_set: Object, pods: list[Object], failure: StatusError | None
    ) -> None:
        now = self._now()

        def change(current: Object) -> None:
            if current["metadata"]["uid"] != replica_set["metadata"]["uid"]:
                return
            status = replica_set_status(replica_set, pods, now)
            conditions = [
                c for c in status.get("conditions") or [] if c.get("type") != "ReplicaFailure"
            ]
            if failure is not None:
                entry = {
                    "type": "ReplicaFailure",
                    "status": "True",
                    "reason": "FailedCreate",
                    "message": failure.message,
                }
                conditions = with_condition(status.get("conditions") or [], entry, now)
            status.pop("conditions", None)
            if conditions:
                status["conditions"] = conditions
            current["status"] = status

        namespace, name = key_of(replica_set)
        try:
            await self._client.patch(RESOURCE, name, change, namespace, subresource="status")
        except StatusError as error:
            if error.reason != "NotFound":
                raise
        self._check_again_when_available(replica_set, pods)

    def _check_again_when_available(self, replica_set: Object, pods: list[Object]) -> None:
        min_ready_s = int(replica_set["spec"].get("minReadySeconds") or 0)
        if not min_ready_s:
            return
        status = replica_set_status(replica_set, pods, self._now())
        if status.get("availableReplicas", 0) < status.get("readyReplicas", 0):
            self.queue.add_after(key_of(replica_set), min(float(min_ready_s), 1.0))
