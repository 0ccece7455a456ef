"""What applied objects still wait for: the pods of workloads, endpoints of Services, nodes.

What is asked of each kind is what `kubectl rollout status` and `kubectl wait` ask.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kubehop.kubernetes.barrier import node_behind, raise_barrier
from kubehop.kubernetes.client import ApiError
from kubehop.kubernetes.conditions import is_ready
from kubehop.kubernetes.paths import namespaced
from kubehop.kubernetes.pod_problems import first_problem
from kubehop.kubernetes.pods import list_pods
from netcore.model.errors import KubehopError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kubehop.kubernetes.client import ApiClient

    Object = dict[str, Any]

_POLL_S = 0.05
_NOT_FOUND = 404


class NotRolledOut(KubehopError):
    """Something that was applied is not ready in time; the message says what and why."""


@dataclass(frozen=True, slots=True)
class _Workload:
    """Where a kind lives, and the counts of its status that must reach what is wanted."""

    version: str
    plural: str
    counts: tuple[str, ...]

    def wanted(self, current: Object) -> int:
        return int(current["spec"].get("replicas", 1))

    def reached(self, current: Object) -> int:
        """How many pods are as they shall be; none before the controller has seen the object."""
        status = current.get("status") or {}
        if status.get("observedGeneration", 0) < current["metadata"].get("generation", 0):
            return 0
        return min(int(status.get(field) or 0) for field in self.counts)


class _PerNode(_Workload):
    """A DaemonSet wants what its controller counts."""

    def wanted(self, current: Object) -> int:
        return int((current.get("status") or {}).get("desiredNumberScheduled") or 1)


_WORKLOADS = {
    "Deployment": _Workload("apps/v1", "deployments", ("updatedReplicas", "availableReplicas")),
    "ReplicaSet": _Workload("apps/v1", "replicasets", ("availableReplicas",)),
    "ReplicationController": _Workload("v1", "replicationcontrollers", ("availableReplicas",)),
    "StatefulSet": _Workload("apps/v1", "statefulsets", ("readyReplicas",)),
    "DaemonSet": _PerNode("apps/v1", "daemonsets", ("numberReady",)),
}


def await_rollout(client: ApiClient, applied: Iterable[Object], timeout_s: float) -> None:
    """Returns when all pods of `applied` are Ready, Services have them and every node knows.

    Raises NotRolledOut, ApiError or ApiUnreachable.
    """
    deadline = time.monotonic() + timeout_s
    waiting = list(applied)
    while waiting:
        while problem := _problem(client, waiting[0]):
            _pause(deadline, timeout_s, problem)
        waiting.pop(0)
    _await_nodes(client, deadline, timeout_s)


def await_removal(client: ApiClient, paths: Iterable[str], timeout_s: float) -> None:
    """Returns when nothing is at `paths` any more and no node works by it.

    Raises NotRolledOut, ApiError or ApiUnreachable.
    """
    deadline = time.monotonic() + timeout_s
    for path in paths:
        while problem := _still_there(client, path):
            _pause(deadline, timeout_s, problem)
    _await_nodes(client, deadline, timeout_s)


def _still_there(client: ApiClient, path: str) -> str:
    try:
        found = client.get(path)
    except ApiError as error:
        if error.code == _NOT_FOUND:
            return ""
        raise
    metadata = found["metadata"]
    place = "/".join(filter(None, (metadata.get("namespace"), metadata["name"])))
    held = ", ".join(metadata.get("finalizers") or found.get("spec", {}).get("finalizers") or ())
    why = f": its finalizers are {held}" if held else ""
    return f"{found['kind']} {place} is still there{why}"


def _await_nodes(client: ApiClient, deadline: float, timeout_s: float) -> None:
    revision = raise_barrier(client)
    while problem := node_behind(client, revision):
        _pause(deadline, timeout_s, problem)


def _pause(deadline: float, timeout_s: float, problem: str) -> None:
    if time.monotonic() >= deadline:
        raise NotRolledOut(f"not ready after {timeout_s:g} s: {problem}")
    time.sleep(_POLL_S)


def _problem(client: ApiClient, applied: Object) -> str:
    """Why the object is not ready; empty: it is, or its kind has nothing to wait for."""
    kind, metadata = applied["kind"], applied["metadata"]
    if kind == "Pod":
        path = namespaced("v1", "pods", metadata["namespace"])
        return first_problem(client, [client.get(f"{path}/{metadata['name']}")])
    if kind == "Service":
        return _missing_endpoint(client, applied) or _missing_address(client, applied)
    if workload := _WORKLOADS.get(kind):
        return _missing_pods(client, applied, workload)
    return ""


def _missing_pods(client: ApiClient, applied: Object, workload: _Workload) -> str:
    name, namespace = applied["metadata"]["name"], applied["metadata"]["namespace"]
    path = namespaced(workload.version, workload.plural, namespace)
    current = client.get(f"{path}/{name}")
    reached, wanted = workload.reached(current), workload.wanted(current)
    if reached >= wanted:
        return ""
    selector = current["spec"].get("selector") or {}
    labels = selector.get("matchLabels", {}) if "/" in workload.version else selector
    pods = list_pods(client, namespace, labels)
    why = first_problem(client, pods) if pods else "it has no pods"
    of_it = f"{reached} of {wanted} pods are ready"
    return f"{applied['kind']} {namespace}/{name}: {of_it}{f': {why}' if why else ''}"


def _missing_endpoint(client: ApiClient, service: Object) -> str:
    """The EndpointSlices follow the pods a moment later: all that are Ready must be there."""
    name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
    selector = service["spec"].get("selector")
    if not selector or service["spec"].get("type") == "ExternalName":
        return ""
    served = _served(client, name, namespace)
    for pod in list_pods(client, namespace, selector):
        wanted = {(pod["metadata"]["name"], family) for family in service["spec"]["ipFamilies"]}
        if is_ready(pod) and not wanted <= served:
            return f"Service {namespace}/{name} has no endpoint for pod {pod['metadata']['name']}"
    return ""


def _missing_address(client: ApiClient, service: Object) -> str:
    """The cloud gives a load balancer its address, unless it is of somebody else's class."""
    spec, metadata = service["spec"], service["metadata"]
    if spec.get("type") != "LoadBalancer" or spec.get("loadBalancerClass"):
        return ""
    path = namespaced("v1", "services", metadata["namespace"])
    status = client.get(f"{path}/{metadata['name']}").get("status") or {}
    if (status.get("loadBalancer") or {}).get("ingress"):
        return ""
    return f"Service {metadata['namespace']}/{metadata['name']} has no external address yet"


def _served(client: ApiClient, service: str, namespace: str) -> set[tuple[str, str]]:
    """The pods that are ready endpoints of the Service, and the families of their addresses."""
    path = namespaced("discovery.k8s.io/v1", "endpointslices", namespace)
    labels = {"labelSelector": f"kubernetes.io/service-name={service}"}
    return {
        ((endpoint.get("targetRef") or {}).get("name", ""), found["addressType"])
        for found in client.get(path, labels)["items"]
        for endpoint in found.get("endpoints") or ()
        if (endpoint.get("conditions") or {}).get("ready", True)
    }
