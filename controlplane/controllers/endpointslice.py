"""Keeps EndpointSlices and Endpoints of Services with a selector equal to their pods."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from controlplane.api.errors import StatusError
from controlplane.api.strategies.selectors import matches_all
from controlplane.controllers.backends import ZONE_LABEL, backends_of, pod_ips
from controlplane.controllers.conditions import (
    is_finished,
    is_terminating,
    is_true,
    node_of,
    owner_reference,
)
from controlplane.controllers.controller import Controller
from controlplane.controllers.endpoint_subsets import is_over_capacity, subsets_of
from controlplane.controllers.informer import Key, key_of
from controlplane.controllers.label_index import LabelIndex
from controlplane.controllers.slicing import SlicePlan, owned_slices, plan_slices
from controlplane.controllers.trigger_times import LAST_CHANGE, TriggerTimes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from controlplane.api.client import Client
    from controlplane.controllers.backends import Backends
    from controlplane.controllers.informer import Informers

Object = dict[str, Any]
SLICES = "endpointslices.discovery.k8s.io"
SERVICE_NAME = "kubernetes.io/service-name"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
CONTROLLER = "endpointslice-controller.k8s.io"
HEADLESS = "service.kubernetes.io/headless"
ENDPOINTS_MANAGED_BY = "endpoints.kubernetes.io/managed-by"
ENDPOINTS_CONTROLLER = "endpoint-controller"
OVER_CAPACITY = "endpoints.kubernetes.io/over-capacity"
_MAX_WRITTEN = 10_000


class EndpointSliceController(Controller[Key]):
    """Keys are Services. A pod's change reaches the slices in one step, without delay."""

    name = "endpointslice"

    def __init__(self, client: Client, informers: Informers) -> None:
        super().__init__()
        self._client = client
        self._services = informers.of("services")
        self._pods = informers.of("pods")
        self._nodes = informers.of("nodes")
        self._by_service = LabelIndex(client, informers, SLICES, SERVICE_NAME)
        self._written: OrderedDict[Key, str] = OrderedDict()
        self._trigger_times = TriggerTimes()
        self._services.subscribe(self._service_changed)
        self._nodes.subscribe(self._node_changed)
        self._pods.subscribe(self._pod_changed)
        informers.of(SLICES).subscribe(self._slice_changed)
        informers.of("endpoints").subscribe(self._endpoints_changed)

    def _service_changed(self, old: Object | None, new: Object | None) -> None:
        changed = new or old
        if changed is not None:
            self.queue.add(key_of(changed))

    def _pod_changed(self, old: Object | None, new: Object | None) -> None:
        if old is not None and new is not None and _seen(old) == _seen(new):
            return
        for pod in (old, new):
            if pod is not None:
                for service in self._selecting(pod):
                    self.queue.add(key_of(service))

    def _node_changed(self, old: Object | None, new: Object | None) -> None:
        """A node's zone is that of the endpoints on it."""
        changed = new or old
        if changed is None or _zone(old) == _zone(new):
            return
        for pod in self._pods:
            if node_of(pod) == changed["metadata"]["name"]:
                self._pod_changed(None, pod)

    def _selecting(self, pod: Object) -> Iterable[Object]:
        labels = pod["metadata"].get("labels") or {}
        for service in self._services.in_namespace(pod["metadata"]["namespace"]):
            selector = service["spec"].get("selector")
            if selector and matches_all(selector, labels):
                yield service

    def _slice_changed(self, old: Object | None, new: Object | None) -> None:
        """Somebody else's hand in our slices is corrected; our own needs no second look."""
        if new is not None and self._written.get(key_of(new)) == _revision(new):
            return
        for slice_ in (old, new):
            labels = (slice_ or {}).get("metadata", {}).get("labels") or {}
            if slice_ and labels.get(MANAGED_BY) == CONTROLLER and labels.get(SERVICE_NAME):
                self.queue.add((slice_["metadata"]["namespace"], labels[SERVICE_NAME]))

    def _endpoints_changed(self, old: Object | None, new: Object | None) -> None:
        changed = new or old
        if changed is not None:
            service = self._services.get(*key_of(changed))
            if service is not None and service["spec"].get("selector"):
                self.queue.add(key_of(changed))

    async def reconcile(self, key: Key) -> None:
        """Writes the slices and Endpoints of one Service."""
        namespace, name = key
        service = self._services.get(namespace, name)
        if service is None:
            self._trigger_times.forget(key)
            await self._delete_endpoints(namespace, name)
            return
        selector = service["spec"].get("selector")
        if not selector or service["spec"]["type"] == "ExternalName" or is_terminating(service):
            return
        pods = [
            pod
            for pod in self._pods.in_namespace(namespace)
            if matches_all(selector, pod["metadata"].get("labels") or {})
        ]
        backends = backends_of(service, pods, self._zone_of)
        changed_at = self._trigger_times.changed_at(service, pods)
        mine, others = owned_slices(await self._slices_of(namespace, name), service)
        plan = plan_slices(backends, mine, slice_template(service, changed_at))
        plan.delete += others
        for slice_ in await apply_plan(self._client, plan):
            self._by_service.note(slice_)
            self._written[key_of(slice_)] = _revision(slice_)
            self._written.move_to_end(key_of(slice_))
        while len(self._written) > _MAX_WRITTEN:
            self._written.popitem(last=False)
        await self._write_endpoints(service, backends, changed_at)

    def _zone_of(self, node: str) -> str:
        return _zone(self._nodes.get("", node))

    async def _slices_of(self, namespace: str, service: str) -> list[Object]:
        found = await self._by_service.list(namespace, service)
        return [s for s in found if s["metadata"]["labels"].get(MANAGED_BY) == CONTROLLER]

    async def _write_endpoints(
        self, service: Object, backends: list[Backends], changed_at: str
    ) -> None:
        wanted = endpoints_of(service, backends)
        namespace, name = key_of(service)

        def change(current: Object) -> None:
            if _says(current) != _says(wanted):
                annotations = _kept_annotations(current) | wanted["metadata"]["annotations"]
                current["subsets"] = wanted["subsets"]
                current["metadata"]["labels"] = wanted["metadata"]["labels"]
                current["metadata"]["annotations"] = annotations | _trigger_time(changed_at)

        try:
            await self._client.patch("endpoints", name, change, namespace)
        except StatusError as error:
            if error.reason != "NotFound":
                raise
            wanted["metadata"]["annotations"] |= _trigger_time(changed_at)
            await self._client.create("endpoints", wanted)

    async def _delete_endpoints(self, namespace: str, name: str) -> None:
        """Endpoints have no owner: they go with their Service, slices by garbage collection."""
        try:
            await self._client.delete("endpoints", name, namespace)
        except StatusError as error:
            if error.reason != "NotFound":
                raise


def _revision(obj: Object) -> str:
    return str(obj["metadata"].get("resourceVersion", ""))


def _seen(pod: Object) -> tuple[Any, ...]:
    """What of a pod matters to endpoints."""
    return (
        pod["metadata"]["uid"],
        pod["metadata"].get("labels"),
        is_terminating(pod),
        is_finished(pod),
        is_true(pod, "Ready"),
        pod_ips(pod),
        node_of(pod),
        pod["spec"].get("hostname"),
    )


def _service_labels(service: Object) -> dict[str, str]:
    labels = dict(service["metadata"].get("labels") or {})
    labels.pop(HEADLESS, None)
    if service["spec"].get("clusterIP") == "None":
        labels[HEADLESS] = ""
    return labels


def endpoints_of(service: Object, backends: list[Backends]) -> Object:
    """The core/v1 Endpoints of a Service, which have but one family and no pod without ports."""
    spec = service["spec"]
    family = (spec.get("ipFamilies") or ["IPv4"])[0]
    serving = [group for group in backends if group.ports or not spec.get("ports")]
    annotations = {OVER_CAPACITY: "truncated"} if is_over_capacity(serving, family) else {}
    namespace, name = key_of(service)
    metadata = {
        "name": name,
        "namespace": namespace,
        "labels": _service_labels(service) | {ENDPOINTS_MANAGED_BY: ENDPOINTS_CONTROLLER},
        "annotations": annotations,
    }
    return {"metadata": metadata, "subsets": subsets_of(serving, family)}


def _says(endpoints: Object) -> tuple[Any, ...]:
    """All that makes Endpoints differ from others, but when they changed."""
    about = endpoints["metadata"]
    is_cut = OVER_CAPACITY in (about.get("annotations") or {})
    return endpoints.get("subsets") or [], about.get("labels") or {}, is_cut


def _kept_annotations(endpoints: Object) -> dict[str, str]:
    annotations = endpoints["metadata"].get("annotations") or {}
    ours = (LAST_CHANGE, OVER_CAPACITY)
    return {name: value for name, value in annotations.items() if name not in ours}


def _trigger_time(changed_at: str) -> dict[str, str]:
    return {LAST_CHANGE: changed_at} if changed_at else {}


def _zone(node: Object | None) -> str:
    return str(((node or {}).get("metadata", {}).get("labels") or {}).get(ZONE_LABEL, ""))


def slice_template(service: Object, changed_at: str) -> Object:
    """The metadata of the Service's slices, of which something changed at that time."""
    labels = _service_labels(service)
    labels[SERVICE_NAME] = service["metadata"]["name"]
    labels[MANAGED_BY] = CONTROLLER
    metadata = {
        "generateName": service["metadata"]["name"] + "-",
        "namespace": service["metadata"]["namespace"],
        "labels": labels,
        "annotations": _trigger_time(changed_at),
        "ownerReferences": [owner_reference(service, "v1", "Service")],
    }
    return {"metadata": metadata}


async def apply_plan(client: Client, plan: SlicePlan) -> list[Object]:
    """Makes the writes: new and changed slices before old ones go, so nothing is ever missing.

    Returns what it wrote. Raises StatusError; a Service that vanished in between is none.
    """
    written = [await client.update(SLICES, slice_) for slice_ in plan.update]
    for slice_ in plan.create:
        try:
            written.append(await client.create(SLICES, slice_))
        except StatusError as error:
            if error.reason not in ("NotFound", "Forbidden"):
                raise
    for slice_ in plan.delete:
        namespace, name = key_of(slice_)
        try:
            await client.delete(SLICES, name, namespace, uid=slice_["metadata"]["uid"])
        except StatusError as error:
            if error.reason != "NotFound":
                raise
    return written
