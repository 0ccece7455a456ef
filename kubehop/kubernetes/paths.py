"""Paths of the API, for the kinds that kubehop's own commands apply or read."""

from typing import Any

from netcore.model.errors import ConfigError

_PLURALS = {
    ("apps/v1", "Deployment"): "deployments",
    ("v1", "ConfigMap"): "configmaps",
    ("v1", "Pod"): "pods",
    ("v1", "Service"): "services",
}


def object_path(manifest: dict[str, Any], default_namespace: str = "default") -> str:
    """Where the object of a manifest lives. Raises ConfigError for a kind not known here."""
    version, kind = manifest.get("apiVersion", ""), manifest.get("kind", "")
    plural = _PLURALS.get((version, kind))
    if plural is None:
        raise ConfigError(f"{kind} ({version}) cannot be applied by kubehop itself: use kubectl")
    namespace = manifest["metadata"].get("namespace", default_namespace)
    return f"{namespaced(version, plural, namespace)}/{manifest['metadata']['name']}"


def namespaced(version: str, plural: str, namespace: str) -> str:
    """Where the objects of one kind live in a namespace."""
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    return f"{root}/namespaces/{namespace}/{plural}"


def trace_path(namespace: str, pod: str) -> str:
    return f"/apis/kubehop.dev/v1alpha1/namespaces/{namespace}/pods/{pod}/trace"


CAPTURES_PATH = "/apis/kubehop.dev/v1alpha1/captures"


def dump_path(node: str) -> str:
    return f"/apis/kubehop.dev/v1alpha1/nodes/{node}/dump"


TRACES_PATH = "/apis/kubehop.dev/v1alpha1/traces"
