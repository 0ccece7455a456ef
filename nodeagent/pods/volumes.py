"""Volumes of a pod as data: which files, with which content and mode."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from netcore.model.errors import ConfigError
from nodeagent.pods.downward import PodFacts
from nodeagent.pods.interfaces import Manifest
from nodeagent.pods.references import MissingReference, References

_DEFAULT_MODE: Final = 0o644
_NO_TOKEN: Final = "the control plane issues no service account tokens\n"


@dataclass(frozen=True)
class VolumeFile:
    content: bytes
    mode: int = _DEFAULT_MODE


@dataclass(frozen=True)
class Volume:
    """A directory of files by relative path, or a place on the node (`host_path`)."""

    files: Mapping[str, VolumeFile] = field(default_factory=dict)
    writable: bool = False
    host_path: str = ""
    host_path_type: str = ""


def render_volume(volume: Manifest, pod: PodFacts, references: References) -> Volume:
    """What a volume of the manifest contains now.

    Raises MissingReference (may appear later) and ConfigError (never works).
    """
    if "emptyDir" in volume or "persistentVolumeClaim" in volume:
        return Volume(writable=True)
    if "hostPath" in volume:
        source = volume["hostPath"]
        kind = source.get("type") or ""
        return Volume(writable=True, host_path=source["path"], host_path_type=kind)
    if "projected" in volume:
        projected = volume["projected"]
        mode = projected.get("defaultMode", _DEFAULT_MODE)
        files: dict[str, VolumeFile] = {}
        for source in projected.get("sources") or ():
            if "serviceAccountToken" in source:
                path = _safe_path(source["serviceAccountToken"]["path"])
                token = references.token(pod.ref, volume["name"], path) or _NO_TOKEN
                files[path] = VolumeFile(token.encode(), mode)
            else:
                files |= _source_files(source, mode, pod, references, name_key="name")
        return Volume(files)
    sources = {key: value for key, value in volume.items() if key != "name"}
    if not sources:
        return Volume(writable=True)
    kind, source = next(iter(sources.items()))
    mode = (source or {}).get("defaultMode", _DEFAULT_MODE)
    name_key = "secretName" if kind == "secret" else "name"
    return Volume(_source_files(sources, mode, pod, references, name_key=name_key))


def _source_files(
    source: Manifest, mode: int, pod: PodFacts, references: References, *, name_key: str
) -> dict[str, VolumeFile]:
    kind, body = next(iter(source.items()))
    namespace = pod.manifest["metadata"]["namespace"]
    match kind:
        case "configMap":
            data = _optional(body, lambda: references.configmap(namespace, body.get("name", "")))
            return _selected(data, body, mode, f'configmap "{body.get("name")}"')
        case "secret":
            name = body.get(name_key) or body.get("name", "")
            data = _optional(body, lambda: references.secret(namespace, name))
            return _selected(data, body, mode, f'secret "{name}"')
        case "downwardAPI":
            return _downward(body, mode, pod)
        case _:
            raise ConfigError(
                f"kubehop has no volumes of the kind {kind}: use emptyDir, configMap, secret, "
                "downwardAPI, projected, persistentVolumeClaim or hostPath"
            )


def _optional(body: Manifest, read: Any) -> dict[str, bytes]:
    try:
        found: dict[str, bytes] = read()
    except MissingReference:
        if not body.get("optional"):
            raise
        return {}
    return found


def _selected(
    data: Mapping[str, bytes], body: Manifest, mode: int, what: str
) -> dict[str, VolumeFile]:
    items = body.get("items")
    if not items:
        return {key: VolumeFile(value, mode) for key, value in data.items()}
    files = {}
    for item in items:
        if item["key"] in data:
            path = _safe_path(item["path"])
            files[path] = VolumeFile(data[item["key"]], item.get("mode", mode))
        elif not body.get("optional"):
            raise MissingReference(f"{what} references non-existent config key: {item['key']}")
    return files


def _downward(body: Manifest, mode: int, pod: PodFacts) -> dict[str, VolumeFile]:
    files = {}
    for item in body.get("items") or ():
        if "fieldRef" in item:
            text = pod.field(item["fieldRef"]["fieldPath"])
        else:
            text = pod.resource(item["resourceFieldRef"], "")
        files[_safe_path(item["path"])] = VolumeFile(text.encode(), item.get("mode", mode))
    return files


def _safe_path(path: str) -> str:
    if path.startswith("/") or ".." in path.split("/"):
        raise ConfigError(f'path "{path}" of a volume must stay inside the volume')
    return path
