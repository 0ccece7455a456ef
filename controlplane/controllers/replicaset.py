"""Keeps the pods of every ReplicaSet and ReplicationController at the wanted number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controlplane.api.errors import StatusError
from controlplane.api.strategies.selectors import matches_all
from controlplane.controllers.conditions import is_terminating, with_condition
from controlplane.controllers.pod_owner import PodOwnerController
from controlplane.controllers.pod_templates import pod_from_template
from controlplane.controllers.replicas import replica_set_status, replicate

if TYPE_CHECKING:
    from controlplane.controllers.replicas import Replication

Object = dict[str, Any]
RESOURCE = "replicasets.apps"


class ReplicaSetController(PodOwnerController):
    """Creates, deletes, adopts and counts pods."""

    name = "replicaset"
    resource = RESOURCE
    kind = "ReplicaSet"
    component = "replicaset-controller"

    async def sync(self, owner: Object) -> None:
        """Creates or deletes pods, then writes the counts."""
        pods = await self._own_pods(owner)
        failure = None
        todo = replicate(owner, pods)
        if todo.is_work and not is_terminating(owner):
            failure = await self._replicate(owner, todo)
            pods = await self._own_pods(owner)
        await self._write_counts(owner, pods, failure)
        self._return_when_available(owner, pods)
        if failure is not None:
            raise failure[1]

    async def _replicate(self, owner: Object, todo: Replication) -> tuple[str, StatusError] | None:
        """What went wrong, with the reason of a ReplicaFailure. The first failure ends it."""
        reason = "FailedCreate"
        try:
            for _ in range(todo.create):
                await self._control.create(owner, pod_from_template(owner))
            reason = "FailedDelete"
            for pod in todo.delete:
                await self._control.delete(owner, pod)
        except StatusError as error:
            return reason, error
        return None

    async def _write_counts(
        self, owner: Object, pods: list[Object], failure: tuple[str, StatusError] | None
    ) -> None:
        now = self._now()

        def status(current: Object) -> Object:
            seen = {**owner, "status": current.get("status") or {}}
            counted = replica_set_status(seen, pods, now)
            conditions = counted.pop("conditions", [])
            if failure is None:
                conditions = [c for c in conditions if c.get("type") != "ReplicaFailure"]
            else:
                reason, error = failure
                entry = {"type": "ReplicaFailure", "status": "True", "reason": reason}
                conditions = with_condition(conditions, {**entry, "message": error.message}, now)
            return {**counted, "conditions": conditions} if conditions else counted

        await self._write_status(owner, status)


class ReplicationControllerController(ReplicaSetController):
    """The same for the older kind, whose selector is a plain map."""

    name = "replicationcontroller"
    resource = "replicationcontrollers"
    kind = "ReplicationController"
    component = "replication-controller"

    def selects(self, owner: Object, pod: Object) -> bool:
        """Whether the pod has all labels of the selector."""
        wanted = owner["spec"].get("selector") or {}
        return bool(wanted) and matches_all(wanted, pod["metadata"].get("labels") or {})
