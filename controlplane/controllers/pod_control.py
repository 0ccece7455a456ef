"""Pods made and deleted on behalf of their owners, with the events that tell of it.

Source: Kubernetes pkg/controller/controller_utils.go (RealPodControl).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controlplane.api.errors import StatusError
from controlplane.controllers.informer import key_of
from controlplane.controllers.recorder import involved

if TYPE_CHECKING:
    from controlplane.api.client import Client
    from controlplane.controllers.recorder import EventRecorder

Object = dict[str, Any]


class PodControl:
    """What a controller does to pods; `component` is who its events come from."""

    def __init__(self, client: Client, recorder: EventRecorder, component: str) -> None:
        self._client = client
        self._recorder = recorder
        self._component = component

    async def create(self, owner: Object, pod: Object) -> Object:
        """The pod as it is stored. Raises StatusError."""
        try:
            made = await self._client.create("pods", pod)
        except StatusError as error:
            if not is_namespace_ending(error):
                self.say(owner, "Warning", "FailedCreate", f"Error creating: {error.message}")
            raise
        self.say(owner, "Normal", "SuccessfulCreate", f"Created pod: {made['metadata']['name']}")
        return made

    async def delete(self, owner: Object, pod: Object) -> None:
        """Deletes the pod; one that has gone already is fine. Raises StatusError."""
        namespace, name = key_of(pod)
        try:
            await self._client.delete("pods", name, namespace, uid=pod["metadata"]["uid"])
        except StatusError as error:
            if error.reason == "NotFound":
                return
            self.say(owner, "Warning", "FailedDelete", f"Error deleting: {error.message}")
            raise
        self.say(owner, "Normal", "SuccessfulDelete", f"Deleted pod: {name}")

    def say(self, owner: Object, kind: str, reason: str, message: str) -> None:
        """Notes an event on the owner."""
        self._recorder.record(involved(owner), kind, reason, message, self._component)


def is_namespace_ending(error: StatusError) -> bool:
    """Whether nothing can be created because the namespace is on its way out."""
    return any(cause.get("reason") == "NamespaceTerminating" for cause in error.details.causes)
