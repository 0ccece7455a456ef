"""ConfigMaps and Secrets by name, as data in bytes; tokens of pods."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field

from netcore.model.errors import KubehopError
from nodeagent.pods.interfaces import Manifest, PodKey, PodRef


class MissingReference(KubehopError):
    """A ConfigMap, a Secret or a key of theirs is not there (yet)."""


@dataclass(frozen=True)
class References:
    """What the pods of a node may refer to."""

    configmaps: Mapping[PodKey, Manifest] = field(default_factory=dict)
    secrets: Mapping[PodKey, Manifest] = field(default_factory=dict)
    tokens: Mapping[PodKey, Manifest] = field(default_factory=dict)

    def token(self, pod: PodRef, volume: str, path: str) -> str | None:
        """The ServiceAccount token for that place in the pod, if the control plane sent one."""
        found = self.tokens.get(PodKey(pod.namespace, pod.name)) or {}
        if found.get("uid") != pod.uid:
            return None
        token = (found.get("tokens") or {}).get(f"{volume}/{path}")
        return None if token is None else str(token)

    def configmap(self, namespace: str, name: str) -> dict[str, bytes]:
        """Data and binaryData. Raises MissingReference."""
        found = self.configmaps.get(PodKey(namespace, name))
        if found is None:
            raise MissingReference(f'configmap "{name}" not found')
        text = {key: value.encode() for key, value in (found.get("data") or {}).items()}
        return text | _decoded(found.get("binaryData") or {})

    def secret(self, namespace: str, name: str) -> dict[str, bytes]:
        """Decoded data. Raises MissingReference."""
        found = self.secrets.get(PodKey(namespace, name))
        if found is None:
            raise MissingReference(f'secret "{name}" not found')
        return _decoded(found.get("data") or {})


def _decoded(data: Mapping[str, str]) -> dict[str, bytes]:
    try:
        return {key: base64.b64decode(value) for key, value in data.items()}
    except binascii.Error as error:
        raise MissingReference(f"data that is not base64: {error}") from error
