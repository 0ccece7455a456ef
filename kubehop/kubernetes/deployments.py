"""The pod that stands for a Deployment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubehop.ends import Place
from kubehop.kubernetes.conditions import is_ready
from kubehop.kubernetes.paths import namespaced
from kubehop.kubernetes.pods import list_pods
from netcore.model.errors import ConfigError

if TYPE_CHECKING:
    from kubehop.kubernetes.client import ApiClient


def ready_pod(client: ApiClient, place: Place) -> dict[str, Any]:
    """The first ready pod. Raises ConfigError when there is none, ApiError: no such Deployment."""
    path = namespaced("apps/v1", "deployments", place.namespace)
    selector = client.get(f"{path}/{place.name}")["spec"]["selector"]
    found = list_pods(client, place.namespace, selector.get("matchLabels", {}))
    for pod in found:
        if is_ready(pod) and "deletionTimestamp" not in pod["metadata"]:
            return pod
    raise ConfigError(f"{place} has no ready pod ({len(found)} in all)")


def settled(client: ApiClient, place: Place) -> Place:
    """A Deployment as its first ready pod, everything else as it is. Raises as `ready_pod`."""
    if place.kind != "deployment":
        return place
    return Place("pod", ready_pod(client, place)["metadata"]["name"], place.namespace)
