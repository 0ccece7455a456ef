"""Furnishes new namespaces and really empties those that are deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controlplane.api.errors import StatusError
from controlplane.controllers.conditions import is_terminating, with_condition
from controlplane.controllers.controller import Controller
from controlplane.controllers.informer import key_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from controlplane.api.client import Client
    from controlplane.controllers.informer import Informers

Object = dict[str, Any]
FINALIZER = "kubernetes"
ROOT_CA = "kube-root-ca.crt"
_ROOT_CA_NOTE = {
    "kubernetes.io/description": (
        "Contains a CA bundle that can be used to verify the kube-apiserver when using internal "
        "endpoints such as the internal service IP or kubernetes.default.svc. No other usage is "
        "guaranteed across distributions of Kubernetes clusters."
    )
}
_LOOK_AGAIN_S = 1.0
_LAST = ("events",)
"""Deleted after everything else, since deletions still make some."""


class NamespaceController(Controller[str]):
    """Keys are namespaces."""

    name = "namespace"

    def __init__(
        self,
        client: Client,
        informers: Informers,
        ca_certificate: str,
        now: Callable[[], datetime],
    ) -> None:
        super().__init__()
        self._client = client
        self._ca_certificate = ca_certificate
        self._now = now
        self._namespaces = informers.of("namespaces")
        self._namespaces.subscribe(self._namespace_changed)
        for resource in ("pods", "serviceaccounts", "configmaps"):
            informers.of(resource).subscribe(self._content_changed)

    def _namespace_changed(self, old: Object | None, new: Object | None) -> None:
        if new is not None:
            self.queue.add(new["metadata"]["name"])

    def _content_changed(self, old: Object | None, new: Object | None) -> None:
        """A pod that went may have been the last; our own furniture is put back."""
        if old is None:
            return
        namespace, name = key_of(old)
        furniture = name in ("default", ROOT_CA) and old.get("kind") != "Pod"
        if furniture or (new is None and self._is_terminating(namespace)):
            self.queue.add(namespace)

    def _is_terminating(self, namespace: str) -> bool:
        found = self._namespaces.get("", namespace)
        return found is not None and is_terminating(found)

    async def reconcile(self, key: str) -> None:
        """Furnishes or empties one namespace."""
        try:
            namespace = await self._client.get("namespaces", key)
        except StatusError as error:
            if error.reason != "NotFound":
                raise
            return
        if not is_terminating(namespace):
            await self._furnish(key)
            return
        left = await self._empty(key)
        if left:
            await self._report(key, left)
            if set(left) - {"pods"}:
                # Held by finalizers of kinds whose changes are not watched here.
                self.queue.add_after(key, _LOOK_AGAIN_S)
            return
        await self._finalize(namespace)

    async def _furnish(self, name: str) -> None:
        await self._create("serviceaccounts", {"metadata": {"name": "default", "namespace": name}})
        metadata = {"name": ROOT_CA, "namespace": name, "annotations": dict(_ROOT_CA_NOTE)}
        wanted = {"ca.crt": self._ca_certificate}
        try:
            present = await self._client.get("configmaps", ROOT_CA, name)
        except StatusError as error:
            if error.reason != "NotFound":
                raise
            await self._create("configmaps", {"metadata": metadata, "data": wanted})
            return
        if present.get("data") != wanted:
            await self._client.patch(
                "configmaps", ROOT_CA, lambda current: current.update(data=wanted), name
            )

    async def _create(self, resource: str, obj: Object) -> None:
        try:
            metadata = obj["metadata"]
            await self._client.get(resource, metadata["name"], metadata["namespace"])
        except StatusError as error:
            if error.reason != "NotFound":
                raise
            await self._client.create(resource, obj)

    async def _empty(self, namespace: str) -> dict[str, int]:
        """Deletes what is there; returns how many objects of which resource remain."""
        names = self._namespaced_resources()
        left: dict[str, int] = {}
        for resource in names:
            if resource in _LAST and left:
                continue
            objects, _ = await self._client.list(resource, namespace)
            for obj in objects:
                await self._delete(resource, namespace, obj)
            remaining, _ = await self._client.list(resource, namespace)
            if remaining:
                left[resource] = len(remaining)
        return left

    def _namespaced_resources(self) -> list[str]:
        found = [
            resource.qualified
            for resource in self._client.registry.resources
            if resource.namespaced and "delete" in resource.verbs and not resource.stored_as
        ]
        return [r for r in found if r not in _LAST] + [r for r in found if r in _LAST]

    async def _delete(self, resource: str, namespace: str, obj: Object) -> None:
        if is_terminating(obj):
            return
        name, uid = obj["metadata"]["name"], obj["metadata"]["uid"]
        try:
            await self._client.delete(
                resource, name, namespace, uid=uid, propagation_policy="Background"
            )
        except StatusError as error:
            if error.reason not in ("NotFound", "Conflict"):
                raise

    async def _report(self, name: str, left: dict[str, int]) -> None:
        shown = ", ".join(
            f"{resource} has {count} resource instances" for resource, count in left.items()
        )
        entry = {
            "type": "NamespaceContentRemaining",
            "status": "True",
            "reason": "SomeResourcesRemain",
            "message": f"Some resources are remaining: {shown}",
        }

        def change(current: Object) -> None:
            status = current.setdefault("status", {})
            conditions = status.get("conditions") or []
            status["conditions"] = with_condition(conditions, entry, self._now())

        await self._client.patch("namespaces", name, change, subresource="status")

    async def _finalize(self, namespace: Object) -> None:
        def change(current: Object) -> None:
            finalizers = (current.get("spec") or {}).get("finalizers") or []
            current["spec"] = {"finalizers": [f for f in finalizers if f != FINALIZER]}

        name = namespace["metadata"]["name"]
        try:
            await self._client.patch("namespaces", name, change, subresource="finalize")
        except StatusError as error:
            if error.reason != "NotFound":
                raise
