"""What all controllers of pods have in common: they follow their objects and the pods of these.

There are no expectations as in Kubernetes' controllers: pods are read from the store, not from
an informer, so a controller always sees what it has just created or deleted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from controlplane.api.errors import StatusError
from controlplane.api.strategies.selectors import selector_matches
from controlplane.controllers.availability import min_ready_seconds, seconds_until_available
from controlplane.controllers.claims import Claims
from controlplane.controllers.conditions import controller_of, is_active
from controlplane.controllers.controller import Controller
from controlplane.controllers.informer import Key, key_of
from controlplane.controllers.pod_control import PodControl

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from controlplane.api.client import Client
    from controlplane.controllers.informer import Informers
    from controlplane.controllers.recorder import EventRecorder

Object = dict[str, Any]
_FEW_PODS = 50
_REST_PER_POD_S = 0.0005
"""In a namespace of many pods an owner rests after each look, longer than the look took: of a
thousand pods that change, not every one makes all of them be looked at again."""


class PodOwnerController(Controller[Key]):
    """Keys are objects of one kind; changes of their pods bring them up, too."""

    resource: ClassVar[str]
    kind: ClassVar[str]
    component: ClassVar[str]

    def __init__(
        self,
        client: Client,
        informers: Informers,
        recorder: EventRecorder,
        now: Callable[[], datetime],
    ) -> None:
        super().__init__()
        self._client = client
        self._now = now
        self._control = PodControl(client, recorder, self.component)
        self._claims = Claims(client, "pods")
        self._rests: dict[Key, float] = {}
        self._api_version = client.registry.resources.by_name(self.resource).api_version
        self._owners = informers.of(self.resource)
        self._owners.subscribe(self._owner_changed)
        informers.of("pods").subscribe(self._pod_changed)

    def selects(self, owner: Object, pod: Object) -> bool:
        """Whether the pod is one of the owner's by its labels (and name, where that counts)."""
        return selector_matches(owner["spec"]["selector"], pod["metadata"].get("labels") or {})

    async def sync(self, owner: Object) -> None:
        """Makes the world right for a present object. Idempotent."""
        raise NotImplementedError

    async def reconcile(self, key: Key) -> None:
        """Reads the object; one that is gone needs nothing."""
        owner = await self._read(key)
        if owner is None:
            self._rests.pop(key, None)
        else:
            await self.sync(owner)

    def _look_soon(self, key: Key) -> None:
        rest_s = self._rests.get(key)
        if rest_s is None:
            self.queue.add(key)
        else:
            self.queue.add_after(key, rest_s)

    async def _read(self, key: Key) -> Object | None:
        namespace, name = key
        try:
            return await self._client.get(self.resource, name, namespace)
        except StatusError as error:
            if error.reason != "NotFound":
                raise
            return None

    def _owner_changed(self, old: Object | None, new: Object | None) -> None:
        if new is not None:
            self.queue.add(key_of(new))

    def _pod_changed(self, old: Object | None, new: Object | None) -> None:
        for pod in (old, new):
            if pod is None:
                continue
            owner = controller_of(pod)
            if owner is None:
                self._enqueue_adopters(pod)
            elif owner.get("kind") == self.kind and owner.get("apiVersion") == self._api_version:
                self._look_soon((pod["metadata"]["namespace"], owner["name"]))

    def _enqueue_adopters(self, pod: Object) -> None:
        for owner in self._owners.in_namespace(pod["metadata"]["namespace"]):
            if self.selects(owner, pod):
                self._look_soon(key_of(owner))

    async def _own_pods(self, owner: Object) -> list[Object]:
        """The pods that it controls; orphans that match are adopted, strangers released."""
        pods, _ = await self._client.list("pods", owner["metadata"]["namespace"])
        if len(pods) > _FEW_PODS:
            self._rests[key_of(owner)] = len(pods) * _REST_PER_POD_S
        else:
            self._rests.pop(key_of(owner), None)
        return await self._claims.claim(
            owner, pods, lambda pod: self.selects(owner, pod), is_active
        )

    async def _write_status(self, owner: Object, status: Callable[[Object], Object]) -> None:
        """Stores what `status` makes of the present object, unless it is another by now."""

        def change(current: Object) -> None:
            if current["metadata"]["uid"] == owner["metadata"]["uid"]:
                current["status"] = status(current)

        namespace, name = key_of(owner)
        try:
            await self._client.patch(self.resource, name, change, namespace, subresource="status")
        except StatusError as error:
            if error.reason != "NotFound":
                raise

    def _return_when_available(self, owner: Object, pods: Sequence[Object]) -> None:
        """Pods become available by time alone: nobody else would bring the owner up then."""
        delay_s = seconds_until_available(pods, min_ready_seconds(owner), self._now())
        if delay_s is not None:
            self.queue.add_after(key_of(owner), delay_s)
