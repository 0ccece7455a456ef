"""What the control plane wants to run here, gathered from the batches of the watch."""

import json
from typing import Any

from netcore.model.change import Batch, Manifest
from nodeagent.pods.interfaces import PodKey
from nodeagent.pods.kubelet import Kubelet

_KINDS = ("Pod", "ConfigMap", "Secret", "PodTokens")

JsonObject = dict[str, Any]


class DesiredPods:
    """The manifests of the node's pods and of what they refer to. Event-loop thread only."""

    def __init__(self, kubelet: Kubelet) -> None:
        self._kubelet = kubelet
        self._manifests = _no_manifests()
        self._synced = False

    def receive(self, batch: Batch) -> None:
        """Take a batch's manifests. The pods hear of it once the state is whole, and only when
        something changed for them.
        """
        if batch.reset:
            self._manifests = _no_manifests()
        touched = batch.reset or not self._synced
        for change in batch.changes:
            if isinstance(change.object, Manifest):
                touched = True
                self._note(change.object, deleted=change.deleted)
        self._synced = self._synced or batch.synced
        if touched and self._synced:
            self._kubelet.sync(*(dict(self._manifests[kind]) for kind in _KINDS))

    def _note(self, manifest: Manifest, *, deleted: bool) -> None:
        known = self._manifests.get(manifest.kind)
        if known is None:
            return  # a newer control plane sends kinds that this agent has no use for
        key = PodKey(manifest.namespace, manifest.name)
        if deleted:
            known.pop(key, None)
        else:
            known[key] = json.loads(manifest.json)


def _no_manifests() -> dict[str, dict[PodKey, JsonObject]]:
    return {kind: {} for kind in _KINDS}
