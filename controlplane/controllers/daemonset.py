"""Keeps DaemonSets: one pod on every node that they are for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controlplane.controllers.conditions import is_terminating
from controlplane.controllers.daemon_pods import HASH_LABEL, new_pod, target_node
from controlplane.controllers.daemon_steps import View, daemon_set_status, manage, roll
from controlplane.controllers.informer import key_of
from controlplane.controllers.pod_owner import PodOwnerController
from controlplane.controllers.retry_delays import RetryDelays
from controlplane.controllers.revision_history import RevisionHistory

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from controlplane.api.client import Client
    from controlplane.controllers.daemon_steps import Steps
    from controlplane.controllers.informer import Informers
    from controlplane.controllers.recorder import EventRecorder

Object = dict[str, Any]
_FIRST_RETRY_S = 1.0
_LONGEST_RETRY_S = 900.0


class DaemonSetController(PodOwnerController):
    """Creates pods for nodes, deletes them, updates them by and by."""

    name = "daemonset"
    resource = "daemonsets.apps"
    kind = "DaemonSet"
    component = "daemonset-controller"

    def __init__(
        self,
        client: Client,
        informers: Informers,
        recorder: EventRecorder,
        now: Callable[[], datetime],
    ) -> None:
        super().__init__(client, informers, recorder, now)
        self._history = RevisionHistory(client, self.resource, HASH_LABEL)
        self._delays: RetryDelays[tuple[str, str]] = RetryDelays(_FIRST_RETRY_S, _LONGEST_RETRY_S)
        informers.of("nodes").subscribe(self._node_changed)

    def _node_changed(self, old: Object | None, new: Object | None) -> None:
        if old is None or new is None or _matters(old) != _matters(new):
            for daemon_set in self._owners:
                self.queue.add(key_of(daemon_set))

    async def sync(self, owner: Object) -> None:
        """Pods for all nodes, then the next of a rolling update, then the status."""
        if is_terminating(owner):
            return
        known = await self._history.list(owner)
        revision = await self._history.current(owner, known)
        revision_hash = revision["metadata"]["labels"][HASH_LABEL]
        view = await self._view(owner, revision_hash)
        try:
            await self._take(view, manage(view))
            view = await self._view(owner, revision_hash)
            if (owner["spec"].get("updateStrategy") or {}).get("type") != "OnDelete":
                await self._take(view, roll(view))
        finally:
            await self._report(await self._view(owner, revision_hash))
        known = await self._history.list(owner)
        await self._history.cut(owner, known, _live(known, revision, view.pods))

    async def _view(self, owner: Object, revision_hash: str) -> View:
        nodes, _ = await self._client.list("nodes")
        pods = await self._own_pods(owner)
        return View(owner, revision_hash, nodes, pods, self._now())

    async def _take(self, view: View, steps: Steps) -> None:
        owner = view.daemon_set
        for node_name in steps.create:
            await self._control.create(owner, new_pod(owner, node_name, view.revision_hash))
        for pod in steps.failed:
            await self._end(view, pod)
        for pod in steps.delete:
            await self._control.delete(owner, pod)

    async def _end(self, view: View, pod: Object) -> None:
        """A pod that has failed on its node again and again is not made anew at once."""
        owner, node = view.daemon_set, target_node(pod)
        namespace, name = key_of(pod)
        what = f"daemon pod {namespace}/{name} on node {node}, will try to"
        if pod["status"].get("phase") == "Failed":
            wait_s = self._delays.wait_s((owner["metadata"]["uid"], node), view.now)
            if wait_s:
                self.queue.add_after(key_of(owner), wait_s)
                return
            message = f"Found failed {what} kill it"
            self._control.say(owner, "Warning", "FailedDaemonPod", message)
        else:
            message = f"Found succeeded {what} delete it"
            self._control.say(owner, "Normal", "SucceededDaemonPod", message)
        await self._control.delete(owner, pod)

    async def _report(self, view: View) -> None:
        def status(current: Object) -> Object:
            seen = {**view.daemon_set, "status": current.get("status")}
            return daemon_set_status(
                View(seen, view.revision_hash, view.nodes, view.pods, view.now)
            )

        await self._write_status(view.daemon_set, status)
        self._return_when_available(view.daemon_set, view.pods)


def _matters(node: Object) -> Object:
    """What of a node decides whether a pod runs there."""
    return {
        "labels": node["metadata"].get("labels"),
        "taints": (node.get("spec") or {}).get("taints"),
        "unschedulable": (node.get("spec") or {}).get("unschedulable"),
    }


def _live(known: Sequence[Object], current: Object, pods: Sequence[Object]) -> set[str]:
    hashes = {(pod["metadata"].get("labels") or {}).get(HASH_LABEL) for pod in pods}
    return {current["metadata"]["name"]} | {
        revision["metadata"]["name"]
        for revision in known
        if revision["metadata"]["labels"].get(HASH_LABEL) in hashes
    }
