"""The ServiceAccount's token in every pod, as the ServiceAccount admission plugin mounts it.

Source: Kubernetes plugin/pkg/admission/serviceaccount/admission.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from controlplane.api.errors import StatusError, forbidden
from controlplane.api.metadata import generated_name
from controlplane.api.strategies.tree import child, children

if TYPE_CHECKING:
    from controlplane.api.strategies.tree import Object
    from controlplane.api.strategy import Reader

MOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
ROOT_CA = "kube-root-ca.crt"
_VOLUME = "kube-api-access-"
_EXPIRATION_S = 3607
_DEFAULT = "default"


async def mount_token(pod: Object, reader: Reader) -> None:
    """Gives all containers token, CA and namespace, unless the pod or its account want none.

    Raises StatusError 403 for an account that is not there. The account `default` may be: it
    follows its namespace.
    """
    spec = pod["spec"]
    account = await _account(pod, reader)
    wanted = spec.get("automountServiceAccountToken")
    if wanted is None:
        wanted = account.get("automountServiceAccountToken")
    if wanted is False:
        return
    volume = _known_volume(spec) or generated_name(_VOLUME)
    mounted = False
    for field in ("initContainers", "containers"):
        for container in children(spec, field):
            mounted |= _mount(container, volume)
    if mounted and volume not in [entry.get("name") for entry in children(spec, "volumes")]:
        spec.setdefault("volumes", []).append(_token_volume(volume))


async def _account(pod: Object, reader: Reader) -> Object:
    name, namespace = pod["spec"]["serviceAccountName"], pod["metadata"]["namespace"]
    try:
        return await reader.get("serviceaccounts", name, namespace)
    except StatusError as error:
        if name == _DEFAULT or error.reason != "NotFound":
            return {}
        missing = f'serviceaccount "{name}" not found'
        why = f"error looking up service account {namespace}/{name}: {missing}"
        raise forbidden("pods", str(pod["metadata"].get("name", "")), why) from error


def _known_volume(spec: Object) -> str:
    for volume in children(spec, "volumes"):
        if str(volume.get("name", "")).startswith(_VOLUME):
            return str(volume["name"])
    return ""


def _mount(container: Object, volume: str) -> bool:
    """Whether a mount was added: somebody may want something else at that place."""
    mounts = container.get("volumeMounts")
    if mounts is not None and not isinstance(mounts, list):
        return False
    if any(mount.get("mountPath") == MOUNT_PATH for mount in children(container, "volumeMounts")):
        return False
    mount = {"name": volume, "readOnly": True, "mountPath": MOUNT_PATH}
    container["volumeMounts"] = [*(mounts or []), mount]
    return True


def _token_volume(name: str) -> Object:
    namespace = {
        "path": "namespace",
        "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"},
    }
    sources = [
        {"serviceAccountToken": {"expirationSeconds": _EXPIRATION_S, "path": "token"}},
        {"configMap": {"name": ROOT_CA, "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [namespace]}},
    ]
    return {"name": name, "projected": {"sources": sources, "defaultMode": 0o644}}


def token_sources(pod: Object) -> list[tuple[str, Object]]:
    """The tokens that a pod's volumes want: the volume's name and the source's settings."""
    return [
        (str(volume.get("name", "")), child(source, "serviceAccountToken"))
        for volume in children(child(pod, "spec"), "volumes")
        for source in children(child(volume, "projected"), "sources")
        if "serviceAccountToken" in source
    ]
