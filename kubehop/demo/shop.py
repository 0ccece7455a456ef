"""The example shop: its manifests, and when all of it is ready."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import kubehop
from kubehop.kubernetes.conditions import is_ready
from kubehop.kubernetes.paths import namespaced, object_path
from kubehop.kubernetes.pods import list_pods
from netcore.model.errors import KubehopError

if TYPE_CHECKING:
    from kubehop.kubernetes.client import ApiClient

NAMESPACE = "default"
FRONTEND = {"app": "frontend"}
BACKEND = {"app": "backend"}

_POLL_S = 0.05


class ShopNotReady(KubehopError):
    """The shop's pods do not become ready."""


def shop_folder() -> Path:
    """The manifests: inside the installed package, or in the tree that is installed as editable.

    Raises KubehopError when they are in neither.
    """
    package = Path(kubehop.__path__[0])
    for root in (package, package.parent):
        if (folder := root / "examples" / "shop").is_dir():
            return folder
    raise KubehopError("the manifests of examples/shop are not installed: reinstall kubehop")


def apply_shop(client: ApiClient) -> None:
    """Applies all manifests. Raises ApiError."""
    import yaml

    for file in sorted(shop_folder().glob("*.yaml")):
        for manifest in yaml.safe_load_all(file.read_text()):
            client.apply(object_path(manifest, NAMESPACE), manifest)


def wait_for_shop(client: ApiClient, timeout_s: float) -> None:
    """All pods are ready and the Service has them as endpoints. Raises ShopNotReady."""
    deadline = time.monotonic() + timeout_s
    while problem := _problem(client):
        if time.monotonic() >= deadline:
            raise ShopNotReady(f"the shop is not ready after {timeout_s:.0f} s: {problem}")
        time.sleep(_POLL_S)


def _problem(client: ApiClient) -> str:
    for name, labels in (("frontend", FRONTEND), ("backend", BACKEND)):
        path = namespaced("apps/v1", "deployments", NAMESPACE)
        wanted = client.get(f"{path}/{name}")["spec"]["replicas"]
        pods = list_pods(client, NAMESPACE, labels)
        ready = sum(map(is_ready, pods))
        if ready < wanted:
            return f"{ready} of {wanted} pods of {name} are ready{_first_reason(pods)}"
    if _ready_endpoints(client) < wanted:
        return "the Service backend has not all its endpoints"
    return ""


def _first_reason(pods: list[dict[str, Any]]) -> str:
    for pod in pods:
        for container in pod.get("status", {}).get("containerStatuses") or ():
            waiting = container.get("state", {}).get("waiting") or {}
            if waiting.get("message"):
                return f" ({pod['metadata']['name']}: {waiting['reason']}: {waiting['message']})"
    return ""


def _ready_endpoints(client: ApiClient) -> int:
    path = namespaced("discovery.k8s.io/v1", "endpointslices", NAMESPACE)
    slices = client.get(path, {"labelSelector": "kubernetes.io/service-name=backend"})["items"]
    endpoints = [endpoint for found in slices for endpoint in found.get("endpoints") or ()]
    return sum(1 for e in endpoints if (e.get("conditions") or {}).get("ready", True))
