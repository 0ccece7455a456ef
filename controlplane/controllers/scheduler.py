"""Binds pods without a node to one, or says why none will do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controlplane.api.errors import StatusError
from controlplane.controllers.conditions import (
    is_active,
    is_finished,
    is_terminating,
    node_of,
    with_condition,
)
from controlplane.controllers.controller import Controller
from controlplane.controllers.informer import Key, key_of
from controlplane.controllers.placement import place
from controlplane.controllers.recorder import involved

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from controlplane.api.client import Client
    from controlplane.controllers.informer import Informers
    from controlplane.controllers.recorder import EventRecorder

Object = dict[str, Any]
DEFAULT_SCHEDULER = _COMPONENT = "default-scheduler"


class Scheduler(Controller[Key]):
    """One pod after the other, so that every choice sees the ones before it."""

    name = "scheduler"

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
        self._unplaced: set[Key] = set()
        informers.of("pods").subscribe(self._pod_changed)
        informers.of("nodes").subscribe(self._node_changed)

    def _pod_changed(self, old: Object | None, new: Object | None) -> None:
        if new is not None and _is_ours(new) and not node_of(new) and is_active(new):
            if old is None or old["spec"] != new["spec"]:
                self.queue.add(key_of(new))
            return
        if old is not None:
            self._unplaced.discard(key_of(old))
            if node_of(old) and (new is None or is_finished(new)):
                self._retry_unplaced()

    def _node_changed(self, old: Object | None, new: Object | None) -> None:
        if new is not None and (old is None or _matters(old) != _matters(new)):
            self._retry_unplaced()

    def _retry_unplaced(self) -> None:
        for key in self._unplaced:
            self.queue.add(key)

    async def reconcile(self, key: Key) -> None:
        """Binds the pod when it still needs a node."""
        namespace, name = key
        try:
            pod = await self._client.get("pods", name, namespace)
        except StatusError as error:
            if error.reason != "NotFound":
                raise
            self._unplaced.discard(key)
            return
        ours = pod["spec"].get("schedulerName", _COMPONENT) == _COMPONENT
        if node_of(pod) or is_terminating(pod) or not ours:
            self._unplaced.discard(key)
            return
        nodes, _ = await self._client.list("nodes")
        pods, _ = await self._client.list("pods")
        placement = place(pod, nodes, pods)
        try:
            if placement.node:
                self._unplaced.discard(key)
                await self._bind(pod, placement.node)
            else:
                self._unplaced.add(key)
                await self._report_unschedulable(pod, placement.message)
        except StatusError as error:
            if error.reason != "NotFound":  # else deleted meanwhile: there is nothing to place
                raise
            self._unplaced.discard(key)

    async def _bind(self, pod: Object, node: str) -> None:
        namespace, name = key_of(pod)

        def bind(current: Object) -> None:
            if current["metadata"]["uid"] == pod["metadata"]["uid"] and not node_of(current):
                current["spec"]["nodeName"] = node

        await self._client.patch("pods", name, bind, namespace, subresource="binding")
        scheduled = {"type": "PodScheduled", "status": "True", "lastProbeTime": None}
        await self._set_condition(pod, scheduled)
        message = f"Successfully assigned {namespace}/{name} to {node}"
        self._recorder.record(involved(pod), "Normal", "Scheduled", message, _COMPONENT)

    async def _report_unschedulable(self, pod: Object, message: str) -> None:
        self._recorder.record(involved(pod), "Warning", "FailedScheduling", message, _COMPONENT)
        condition = {
            "type": "PodScheduled",
            "status": "False",
            "lastProbeTime": None,
            "reason": "Unschedulable",
            "message": message,
        }
        await self._set_condition(pod, condition)

    async def _set_condition(self, pod: Object, condition: Object) -> None:
        namespace, name = key_of(pod)

        def change(current: Object) -> None:
            status = current.setdefault("status", {})
            conditions = status.get("conditions") or []
            status["conditions"] = with_condition(conditions, condition, self._now())

        await self._client.patch("pods", name, change, namespace, subresource="status")


def _matters(node: Object) -> Object:
    """What of a node can change a placement: not its heartbeat times."""
    status = node.get("status") or {}
    ready = [
        (c.get("type"), c.get("status")) for c in status.get("conditions") or () if c.get("type")
    ]
    return {
        "spec": node.get("spec"),
        "labels": node["metadata"].get("labels"),
        "conditions": ready,
        "allocatable": status.get("allocatable"),
    }


def _is_ours(pod: Object) -> bool:
    """Other pods have asked for a scheduler that may or may not be there."""
    return bool(pod["spec"].get("schedulerName", DEFAULT_SCHEDULER) == DEFAULT_SCHEDULER)
