"""Follows the agents' heartbeats: Ready conditions, taints, leases, pods of lost nodes."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from controlplane.api.errors import StatusError
from controlplane.api.eviction import disruption_target
from controlplane.api.metadata import timestamp
from controlplane.api.strategies.node_network import INSTANCE_ANNOTATION
from controlplane.controllers.conditions import (
    condition,
    is_finished,
    is_terminating,
    is_true,
    node_of,
    with_condition,
)
from controlplane.controllers.controller import Controller
from controlplane.controllers.informer import key_of
from controlplane.controllers.node_health import (
    desired_taints,
    eviction_time,
    node_conditions,
    pod_conditions,
)
from controlplane.controllers.recorder import involved

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from controlplane.api.client import Client
    from controlplane.controllers.heartbeats import Heartbeats, Role
    from controlplane.controllers.informer import Informers
    from controlplane.controllers.recorder import EventRecorder

Object = dict[str, Any]
_LEASE_RENEWAL_S = 10.0
_COMPONENT = "node-controller"
APPLIED_REVISION = "kubehop.dev/applied-revision"
"""Of a node's Lease: the resourceVersion of the network state that the node works by."""
_SAME = ("status", "reason", "message")


class NodeLifecycle(Controller[str]):
    """Keys are node names. A look is taken at every news and when a grace period may end."""

    name = "node-lifecycle"

    def __init__(
        self,
        client: Client,
        informers: Informers,
        heartbeats: Heartbeats,
        recorder: EventRecorder,
        now: Callable[[], datetime],
    ) -> None:
        super().__init__()
        self._client = client
        self._heartbeats = heartbeats
        self._recorder = recorder
        self._now = now
        self._pods = informers.of("pods")
        self._leases_due: dict[str, datetime] = {}
        informers.of("nodes").subscribe(self._node_changed)
        self._pods.subscribe(self._pod_changed)
        heartbeats.subscribe(self._heard)

    def _node_changed(self, old: Object | None, new: Object | None) -> None:
        if new is not None:
            self.queue.add(new["metadata"]["name"])
        elif old is not None:
            name = old["metadata"]["name"]
            self._heartbeats.forget("node", name)
            self._leases_due.pop(name, None)

    def _pod_changed(self, old: Object | None, new: Object | None) -> None:
        """A pod that comes to a lost or tainted node is treated as those that were there."""
        if new is not None and node_of(new):
            arrived = old is None or node_of(old) != node_of(new)
            if arrived or is_true(new, "Ready") != is_true(old or {}, "Ready"):
                self.queue.add(node_of(new))

    def _heard(self, role: Role, name: str) -> None:
        if role == "node":
            self.queue.add(name)

    async def reconcile(self, key: str) -> None:
        """Brings conditions, taints and pods in line with what was last heard of the node."""
        try:
            node = await self._client.get("nodes", key)
        except StatusError as error:
            if error.reason != "NotFound":
                raise
            return
        alive = self._heartbeats.is_alive("node", key)
        sign = self._heartbeats.last("node", key)
        known = INSTANCE_ANNOTATION in (node["metadata"].get("annotations") or {})
        if alive and sign is None and known:
            # Just started: whoever was there before has the grace period to be heard of.
            self.queue.add_after(key, self._heartbeats.grace_s - self._heartbeats.age_s + 0.01)
            return
        node = await self._write_conditions(node, alive=alive and sign is not None, known=known)
        node = await self._write_taints(node)
        if alive and sign is not None:
            await self._renew_lease(node, sign.applied_revision)
            silence_s = self._heartbeats.silence_s("node", key)
            self.queue.add_after(key, self._heartbeats.grace_s - silence_s + 0.01)
        await self._treat_pods(node)

    async def _write_conditions(self, node: Object, *, alive: bool, known: bool) -> Object:
        sign = self._heartbeats.last("node", node["metadata"]["name"])
        wanted = node_conditions(sign, alive=alive, known=known)
        changed = [
            entry
            for entry in wanted
            if any((condition(node, entry["type"]) or {}).get(f) != entry[f] for f in _SAME)
        ]
        if not changed:
            return node
        was_ready = (condition(node, "Ready") or {}).get("status")

        def change(current: Object) -> None:
            status = current.setdefault("status", {})
            conditions = status.get("conditions") or []
            for entry in changed:
                stamped = {"lastHeartbeatTime": timestamp(self._now()), **entry}
                conditions = with_condition(conditions, stamped, self._now())
            status["conditions"] = conditions

        name = node["metadata"]["name"]
        stored = await self._client.patch("nodes", name, change, subresource="status")
        self._say(stored, was_ready)
        return stored

    def _say(self, node: Object, was_ready: str | None) -> None:
        ready = (condition(node, "Ready") or {}).get("status")
        if ready == was_ready:
            return
        name = node["metadata"]["name"]
        reason = "NodeReady" if ready == "True" else "NodeNotReady"
        message = f"Node {name} status is now: {reason}"
        self._recorder.record(involved(node), "Normal", reason, message, _COMPONENT)

    async def _write_taints(self, node: Object) -> Object:
        wanted = desired_taints(node, self._now())
        if wanted == ((node.get("spec") or {}).get("taints") or []):
            return node

        def change(current: Object) -> None:
            taints = desired_taints(current, self._now())
            if taints:
                current["spec"]["taints"] = taints
            else:
                current["spec"].pop("taints", None)

        return await self._client.patch("nodes", node["metadata"]["name"], change)

    async def _renew_lease(self, node: Object, applied_revision: int) -> None:
        """The node's Lease, as `kubectl describe node` shows it; seldom, since it is a write.

        The revision is kept here: in the Node it would be news to all nodes, and so raise itself.
        """
        name, now = node["metadata"]["name"], self._now()
        if name in self._leases_due and now < self._leases_due[name]:
            return
        renewed = now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        annotations = {APPLIED_REVISION: str(applied_revision)}

        def renew(lease: Object) -> None:
            lease["spec"]["renewTime"] = renewed
            lease["metadata"].setdefault("annotations", {}).update(annotations)

        resource, namespace = "leases.coordination.k8s.io", "kube-node-lease"
        try:
            await self._client.patch(resource, name, renew, namespace)
        except StatusError as error:
            if error.reason != "NotFound":
                raise
            metadata = {
                "name": name,
                "namespace": namespace,
                "annotations": annotations,
                "ownerReferences": [_owner(node)],
            }
            spec = {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": renewed}
            await self._client.create(resource, {"metadata": metadata, "spec": spec})
        self._leases_due[name] = now + timedelta(seconds=_LEASE_RENEWAL_S)

    async def _treat_pods(self, node: Object) -> None:
        """Pods of a lost node are not ready, and are driven away by its taints in the end."""
        name = node["metadata"]["name"]
        node_ready = is_true(node, "Ready")
        now = self._now()
        for pod in [pod for pod in self._pods if node_of(pod) == name and not is_finished(pod)]:
            if pod_conditions(pod, node_ready=node_ready) is not None:
                await self._set_pod_ready(pod, node_ready=node_ready)
            due = eviction_time(pod, node, now)
            if due is None or is_terminating(pod):
                continue
            if due <= now:
                await self._evict(pod)
            else:
                self.queue.add_after(name, (due - now).total_seconds())

    async def _set_pod_ready(self, pod: Object, *, node_ready: bool) -> None:
        namespace, name = key_of(pod)

        def change(current: Object) -> None:
            conditions = pod_conditions(current, node_ready=node_ready)
            if conditions is not None:
                merged = current["status"]["conditions"]
                for entry in conditions:
                    merged = with_condition(merged, entry, self._now())
                current["status"]["conditions"] = merged

        try:
            await self._client.patch("pods", name, change, namespace, subresource="status")
        except StatusError as error:
            if error.reason != "NotFound":
                raise

    async def _evict(self, pod: Object) -> None:
        namespace, name = key_of(pod)
        message = "Marking for deletion Pod " + f"{namespace}/{name}"
        self._recorder.record(
            involved(pod), "Normal", "TaintManagerEviction", message, "taint-eviction-controller"
        )

        def mark(current: Object) -> None:
            why = "Taint manager: deleting due to NoExecute taint"
            disruption_target(current, "DeletionByTaintManager", why, self._now())

        try:
            await self._client.patch("pods", name, mark, namespace, subresource="status")
            await self._client.delete("pods", name, namespace, uid=pod["metadata"]["uid"])
        except StatusError as error:
            if error.reason != "NotFound":
                raise


def _owner(node: Object) -> Object:
    metadata = node["metadata"]
    return {"apiVersion": "v1", "kind": "Node", "name": metadata["name"], "uid": metadata["uid"]}
