"""Applying manifests of any kind that the API server has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubehop.kubernetes.client import ApiError
from netcore.model.errors import KubehopError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kubehop.kubernetes.client import ApiClient
    from kubehop.kubernetes.manifests import Manifest

    Object = dict[str, Any]

_NOT_FOUND = 404


class NotApplied(KubehopError):
    """The API server refused a manifest; the message names it and has the server's words."""


def apply_manifests(
    client: ApiClient, manifests: Iterable[Manifest], default_namespace: str = "default"
) -> list[Object]:
    """Applies them in their order: the objects as stored.

    Raises NotApplied for the first that is refused, or ApiUnreachable.
    """
    kinds = _Kinds(client)
    applied = []
    for manifest in manifests:
        try:
            path = kinds.path_of(manifest.object, default_namespace)
            applied.append(client.apply(path, manifest.object))
        except ApiError as error:
            raise NotApplied(f"{manifest.title} is refused: {error}") from error
    return applied


def delete_manifests(
    client: ApiClient, manifests: Iterable[Manifest], default_namespace: str = "default"
) -> list[str]:
    """Deletes the objects, the last one first: their paths. Those not there are passed over.

    Raises NotApplied or ApiUnreachable.
    """
    kinds = _Kinds(client)
    paths = []
    for manifest in reversed(list(manifests)):
        try:
            path = kinds.path_of(manifest.object, default_namespace)
            client.delete(path)
            paths.append(path)
        except ApiError as error:
            if error.reason != "NotFound":
                raise NotApplied(f"{manifest.title} is not deleted: {error}") from error
    return paths


def checked_manifests(
    client: ApiClient, manifests: Iterable[Manifest], default_namespace: str = "default"
) -> list[Object]:
    """The objects with defaults, as if they were new; nothing is stored. Raises as above.

    Their namespaces need not be there yet.
    """
    kinds = _Kinds(client)
    checked = []
    for manifest in manifests:
        try:
            checked.append(_checked(client, kinds, manifest.object, default_namespace))
        except ApiError as error:
            raise NotApplied(f"{manifest.title} is refused: {error}") from error
    return checked


def _checked(client: ApiClient, kinds: _Kinds, given: Object, default_namespace: str) -> Object:
    metadata = given["metadata"]
    # Under its own name it would be refused where it is there already.
    nameless = {key: value for key, value in metadata.items() if key not in ("name", "namespace")}
    nameless["generateName"] = f"{metadata['name']}-"
    # In a namespace that is always there; a cluster's own object takes no notice of it.
    path, _, _ = kinds.path_of({**given, "metadata": {"name": "-"}}, "default").rpartition("/")
    made = client.try_create(path, {**given, "metadata": nameless})
    own = made["metadata"]
    own["name"] = metadata["name"]
    if "namespace" in own:
        own["namespace"] = metadata.get("namespace") or default_namespace
    return made


class _Kinds:
    """The kinds of an API server, asked for by group and version when the first is met."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client
        self._known: dict[str, dict[str, Object]] = {}

    def path_of(self, manifest: Object, default_namespace: str) -> str:
        """Where the object lives. Raises ApiError with kubectl's words for an unknown kind."""
        version, kind = manifest["apiVersion"], manifest["kind"]
        if version not in self._known:
            self._known[version] = self._ask(version)
        resource = self._known[version].get(kind)
        if resource is None:
            message = f'no matches for kind "{kind}" in version "{version}"'
            raise ApiError(_NOT_FOUND, "NoKindMatch", message)
        root = _root(version)
        if resource["namespaced"]:
            root += f"/namespaces/{manifest['metadata'].get('namespace') or default_namespace}"
        return f"{root}/{resource['name']}/{manifest['metadata']['name']}"

    def _ask(self, version: str) -> dict[str, Object]:
        try:
            found = self._client.get(_root(version))["resources"]
        except ApiError as error:
            if error.code == _NOT_FOUND:
                return {}
            raise
        return {entry["kind"]: entry for entry in found if "/" not in entry["name"]}


def _root(version: str) -> str:
    return f"/apis/{version}" if "/" in version else f"/api/{version}"
