"""Pods as users name them, and names for the addresses of a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubehop.kubernetes.paths import namespaced
from kubehop.tracing.names import Names
from netcore.model.errors import ConfigError

if TYPE_CHECKING:
    from kubehop.kubernetes.client import ApiClient

_POD_KINDS = ("pod", "pods", "po")
_DEPLOYMENT_KINDS = ("deploy", "deployment", "deployments", "deployment.apps")


def find_pod(client: ApiClient, namespace: str, wanted: str) -> str:
    """The pod that NAME, pod/NAME or deploy/NAME means. Raises ConfigError or ApiError."""
    kind, slash, name = wanted.rpartition("/")
    if not slash or kind in _POD_KINDS:
        return name
    if kind not in _DEPLOYMENT_KINDS:
        raise ConfigError(f'"{wanted}": give a pod\'s name, pod/NAME or deploy/NAME')
    path = namespaced("apps/v1", "deployments", namespace)
    labels = client.get(f"{path}/{name}")["spec"]["selector"].get("matchLabels", {})
    for pod in list_pods(client, namespace, labels):
        if pod.get("status", {}).get("phase") == "Running":
            return str(pod["metadata"]["name"])
    raise ConfigError(f"deployment {namespace}/{name} has no running pod")


def list_pods(client: ApiClient, namespace: str, labels: dict[str, str]) -> list[dict[str, Any]]:
    """The pods that have all `labels`."""
    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    path = namespaced("v1", "pods", namespace)
    return list(client.get(path, {"labelSelector": selector})["items"])


def load_names(client: ApiClient) -> Names:
    """Who has which address in the whole cluster, now."""
    return Names.of(
        client.get("/api/v1/pods")["items"],
        client.get("/api/v1/services")["items"],
        client.get("/api/v1/nodes")["items"],
        client.get("/apis/discovery.k8s.io/v1/endpointslices")["items"],
    )
