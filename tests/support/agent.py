"""An agent's neighbours, in process: pods that only listen."""

from collections.abc import Mapping
from typing import Any

from nodeagent.pods.interfaces import PodKey
from nodeagent.pods.kubelet import Kubelet

Manifests = Mapping[PodKey, dict[str, Any]]


class FakeKubelet(Kubelet):
    """Keeps what it was told; runs nothing."""

    def __init__(self) -> None:
        self.syncs: list[tuple[Manifests, Manifests, Manifests]] = []

    def sync(
        self,
        pods: Manifests,
        configmaps: Manifests,
        secrets: Manifests,
        tokens: Manifests | None = None,
    ) -> None:
        self.syncs.append((pods, configmaps, secrets, tokens or {}))
