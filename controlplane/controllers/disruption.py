"""Counts what PodDisruptionBudgets allow, so that evictions can be answered at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controlplane.api.errors import StatusError
from controlplane.api.strategies.selectors import selector_matches
from controlplane.controllers.conditions import controller_of, parse_time
from controlplane.controllers.controller import Controller
from controlplane.controllers.disruption_budget import (
    EVICTION_TIMEOUT,
    budget_status,
    expectation,
    failed_status,
    needs_scale,
)
from controlplane.controllers.informer import Key, key_of
from controlplane.controllers.recorder import involved
from controlplane.controllers.replicas import wanted_replicas
from netcore.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from controlplane.api.client import Client
    from controlplane.controllers.informer import Informers
    from controlplane.controllers.recorder import EventRecorder

Object = dict[str, Any]
RESOURCE = "poddisruptionbudgets.policy"
_COMPONENT = "controllermanager"
_SCALABLE = (
    "deployments.apps",
    "replicasets.apps",
    "statefulsets.apps",
    "replicationcontrollers",
)


class DisruptionController(Controller[Key]):
    """Keys are budgets; pods and what wants them bring them up."""

    name = "disruption"

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
        self._budgets = informers.of(RESOURCE)
        self._budgets.subscribe(self._budget_changed)
        informers.of("pods").subscribe(self._pod_changed)
        for resource in _SCALABLE:
            informers.of(resource).subscribe(self._owner_changed)

    def _budget_changed(self, old: Object | None, new: Object | None) -> None:
        if new is not None:
            self.queue.add(key_of(new))

    def _pod_changed(self, old: Object | None, new: Object | None) -> None:
        for pod in (old, new):
            if pod is not None:
                self._enqueue(pod["metadata"]["namespace"], pod["metadata"].get("labels") or {})

    def _enqueue(self, namespace: str, labels: Object) -> None:
        for budget in self._budgets.in_namespace(namespace):
            if selector_matches(budget["spec"].get("selector"), labels):
                self.queue.add(key_of(budget))

    def _owner_changed(self, old: Object | None, new: Object | None) -> None:
        if old is None or new is None or old["spec"].get("replicas") != new["spec"].get("replicas"):
            owner: Object = new or old or {}
            template = owner["spec"].get("template") or {}
            labels = (template.get("metadata") or {}).get("labels") or {}
            self._enqueue(owner["metadata"]["namespace"], labels)

    async def reconcile(self, key: Key) -> None:
        """Counts anew."""
        namespace, name = key
        try:
            budget = await self._client.get(RESOURCE, name, namespace)
        except StatusError as error:
            if error.reason != "NotFound":
                raise
            return
        pods, _ = await self._client.list("pods", namespace)
        selector = budget["spec"].get("selector")
        mine = [p for p in pods if selector_matches(selector, p["metadata"].get("labels") or {})]
        if not mine:
            self._say(budget, "Normal", "NoPods", "No matching pods found")
        status = await self._status(budget, mine)
        await self._write(budget, status)

    async def _status(self, budget: Object, pods: Sequence[Object]) -> Callable[[Object], Object]:
        now = self._now()
        try:
            scale = await self._expected_scale(pods) if needs_scale(budget) else 0
        except ConfigError as error:
            why = str(error)
            message = f"Failed to calculate the number of expected pods: {why}"
            self._say(budget, "Warning", "CalculateExpectedPodCountFailed", message)
            return lambda current: failed_status(current, why, now)
        expected = expectation(budget, len(pods), scale)

        def status(current: Object) -> Object:
            seen = {**budget, "status": current.get("status")}
            return budget_status(seen, pods, expected, now)

        return status

    async def _expected_scale(self, pods: Sequence[Object]) -> int:
        """What the controllers of the pods want together. Raises ConfigError."""
        wanted: dict[str, int] = {}
        for pod in pods:
            owner = controller_of(pod)
            if owner is None:
                raise ConfigError(f'found no controllers for pod "{pod["metadata"]["name"]}"')
            if owner["uid"] in wanted:
                continue
            found = await self._scaled(owner, pod["metadata"]["namespace"])
            if found is not None:
                wanted[owner["uid"]] = 0
                wanted[found["metadata"]["uid"]] = wanted_replicas(found)
        return sum(wanted.values())

    async def _scaled(self, owner: Object, namespace: str) -> Object | None:
        """Who decides on the number of pods: a ReplicaSet's Deployment, if it has one."""
        resources = self._client.registry.resources
        group, _, version = str(owner["apiVersion"]).rpartition("/")
        resource = resources.by_kind(group, version, owner["kind"])
        if resource is None or resource.subresource("scale") is None:
            shown = resource.qualified if resource else owner["kind"]
            raise ConfigError(f"{shown} does not implement the scale subresource")
        try:
            found = await self._client.get(resource.qualified, owner["name"], namespace)
        except StatusError as error:
            if error.reason != "NotFound":
                raise
            return None
        above = controller_of(found)
        if above is not None and above.get("kind") == "Deployment":
            return await self._scaled(above, namespace)
        return found

    async def _write(self, budget: Object, status: Callable[[Object], Object]) -> None:
        def change(current: Object) -> None:
            if current["metadata"]["uid"] == budget["metadata"]["uid"]:
                current["status"] = status(current)

        namespace, name = key_of(budget)
        try:
            stored = await self._client.patch(
                RESOURCE, name, change, namespace, subresource="status"
            )
        except StatusError as error:
            if error.reason != "NotFound":
                raise
            return
        waiting = (stored["status"].get("disruptedPods") or {}).values()
        times = [parse_time(since) for since in waiting]
        due = min((t + EVICTION_TIMEOUT for t in times if t is not None), default=None)
        if due is not None:
            self.queue.add_after(key_of(budget), (due - self._now()).total_seconds())

    def _say(self, budget: Object, kind: str, reason: str, message: str) -> None:
        self._recorder.record(involved(budget), kind, reason, message, _COMPONENT)
