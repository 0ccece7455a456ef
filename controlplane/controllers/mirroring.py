"""Mirrors hand-made Endpoints of Services without selector into EndpointSlices.

Source: Kubernetes pkg/controller/endpointslicemirroring.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controlplane.controllers.conditions import owner_reference
from controlplane.controllers.controller import Controller
from controlplane.controllers.endpoint_subsets import backends_of_endpoints
from controlplane.controllers.endpointslice import (
    MANAGED_BY,
    SERVICE_NAME,
    SLICES,
    apply_plan,
)
from controlplane.controllers.informer import Key, key_of
from controlplane.controllers.slicing import SlicePlan, owned_slices, plan_slices
from controlplane.controllers.trigger_times import LAST_CHANGE

if TYPE_CHECKING:
    from controlplane.api.client import Client
    from controlplane.controllers.informer import Informers

Object = dict[str, Any]
SKIP_MIRROR = "endpointslice.kubernetes.io/skip-mirror"
MIRRORING = "endpointslicemirroring-controller.k8s.io"
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_LEADER = "control-plane.alpha.kubernetes.io/leader"


class EndpointsMirroring(Controller[Key]):
    """Keys are Endpoints, which have their Service's name."""

    name = "endpointslicemirroring"

    def __init__(self, client: Client, informers: Informers) -> None:
        super().__init__()
        self._client = client
        self._services = informers.of("services")
        self._endpoints = informers.of("endpoints")
        self._mirrored: dict[Key, set[str]] = {}
        self._services.subscribe(self._changed)
        self._endpoints.subscribe(self._changed)
        informers.of(SLICES).subscribe(self._slice_changed)

    def _changed(self, old: Object | None, new: Object | None) -> None:
        changed = new or old
        if changed is not None:
            self.queue.add(key_of(changed))

    def _slice_changed(self, old: Object | None, new: Object | None) -> None:
        for slice_ in (old, new):
            metadata = (slice_ or {}).get("metadata", {})
            labels = metadata.get("labels") or {}
            if labels.get(MANAGED_BY) == MIRRORING and labels.get(SERVICE_NAME):
                key = (metadata["namespace"], labels[SERVICE_NAME])
                self._note_slice(key, metadata["name"], present=slice_ is new)
                self.queue.add(key)

    def _note_slice(self, key: Key, name: str, *, present: bool) -> None:
        names = self._mirrored.setdefault(key, set())
        (names.add if present else names.discard)(name)
        if not names:
            del self._mirrored[key]

    async def reconcile(self, key: Key) -> None:
        """Writes the mirrored slices, or removes them when there is nothing to mirror any more."""
        namespace, name = key
        service = self._services.get(namespace, name)
        endpoints = self._endpoints.get(namespace, name)
        is_wanted = service and endpoints and is_mirrored(service, endpoints)
        if not is_wanted and key not in self._mirrored:
            return  # most Services have no Endpoints to mirror: nothing to search all slices for
        selector = f"{SERVICE_NAME}={name},{MANAGED_BY}={MIRRORING}"
        present, _ = await self._client.list(SLICES, namespace, selector)
        if service is None or endpoints is None or not is_mirrored(service, endpoints):
            await apply_plan(self._client, SlicePlan(delete=present))
            return
        mine, others = owned_slices(present, endpoints)
        plan = plan_slices(backends_of_endpoints(endpoints), mine, mirror_template(endpoints))
        plan.delete += others
        await apply_plan(self._client, plan)


def mirror_template(endpoints: Object) -> Object:
    """The metadata of mirrored slices: that of the Endpoints, which own them."""
    about = endpoints["metadata"]
    annotations = {
        name: value
        for name, value in (about.get("annotations") or {}).items()
        if name not in (LAST_CHANGE, _LAST_APPLIED)
    }
    labels = {**(about.get("labels") or {}), SERVICE_NAME: about["name"], MANAGED_BY: MIRRORING}
    return {
        "metadata": {
            "generateName": about["name"] + "-",
            "namespace": about["namespace"],
            "labels": labels,
            "annotations": annotations,
            "ownerReferences": [owner_reference(endpoints, "v1", "Endpoints")],
        }
    }


def is_mirrored(service: Object, endpoints: Object) -> bool:
    """Whether nobody else makes slices for these Endpoints."""
    metadata = endpoints["metadata"]
    return (
        not service["spec"].get("selector")
        and (metadata.get("labels") or {}).get(SKIP_MIRROR) != "true"
        and _LEADER not in (metadata.get("annotations") or {})
    )
