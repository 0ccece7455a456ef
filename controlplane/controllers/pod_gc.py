"""Removes pods that nobody will ever report on: their node is gone, or they never had one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controlplane.api.errors import StatusError
from controlplane.controllers.conditions import node_of
from controlplane.controllers.controller import Controller

if TYPE_CHECKING:
    from controlplane.api.client import Client
    from controlplane.controllers.informer import Informers

Object = dict[str, Any]
QUARANTINE_S = 10.0
"""How long a node has to be missing (Kubernetes: 40): agents of a deleted Node register again."""


class PodGarbageCollector(Controller[str]):
    """Keys are names of nodes that are missing."""

    name = "pod-gc"

    def __init__(
        self, client: Client, informers: Informers, quarantine_s: float = QUARANTINE_S
    ) -> None:
        super().__init__()
        self._client = client
        self._quarantine_s = quarantine_s
        self._nodes = informers.of("nodes")
        self._pods = informers.of("pods")
        self._nodes.subscribe(self._node_changed)
        self._pods.subscribe(self._pod_changed)

    def _node_changed(self, old: Object | None, new: Object | None) -> None:
        if new is None and old is not None:
            self.queue.add_after(old["metadata"]["name"], self._quarantine_s)

    def _pod_changed(self, old: Object | None, new: Object | None) -> None:
        node = node_of(new) if new is not None else ""
        arrived = old is None or node_of(old) != node
        if node and arrived and self._nodes.get("", node) is None:
            self.queue.add_after(node, self._quarantine_s)

    async def reconcile(self, key: str) -> None:
        """Removes the node's pods if it is still missing."""
        try:
            await self._client.get("nodes", key)
        except StatusError as error:
            if error.reason != "NotFound":
                raise
        else:
            return
        for pod in [pod for pod in self._pods if node_of(pod) == key]:
            about = pod["metadata"]
            try:
                await self._client.delete(
                    "pods",
                    about["name"],
                    about["namespace"],
                    uid=about["uid"],
                    grace_period_seconds=0,
                )
            except StatusError as error:
                if error.reason != "NotFound":
                    raise
