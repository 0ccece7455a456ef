"""A Pod for every DNS server, so that policies, flows and people know it by its name and labels.

The servers run beside the nodes, on none of them: their pods are bound to no node and are never
scheduled. They come with a server's first sign of life and go with the server.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from controlplane.api.errors import StatusError
from controlplane.api.metadata import timestamp
from controlplane.controllers.conditions import with_condition
from controlplane.controllers.controller import Controller
from controlplane.controllers.dns import NAMESPACE, PORTS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from controlplane.api.client import Client
    from controlplane.controllers.heartbeats import Heartbeats, Role
    from controlplane.controllers.informer import Informers

Object = dict[str, Any]
LABELS = {"k8s-app": "kube-dns"}
SCHEDULER = "kubehop.dev/dns"
_CONTAINER = "coredns"
_IMAGE = "registry.k8s.io/coredns/coredns"
_CONDITIONS = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady")


def dns_pod(name: str) -> Object:
    """The pod of the server with this name."""
    ports = [
        {"name": port, "protocol": protocol, "containerPort": number}
        for port, protocol, number in PORTS
    ]
    return {
        "metadata": {"namespace": NAMESPACE, "name": name, "labels": LABELS},
        "spec": {
            "schedulerName": SCHEDULER,
            "containers": [{"name": _CONTAINER, "image": _IMAGE, "ports": ports}],
            "automountServiceAccountToken": False,
        },
    }


def dns_pod_status(
    current: Object, addresses: Iterable[str], now: datetime, *, ready: bool
) -> Object:
    """What kubelet would say of it. Times stay as long as what they are about stays."""
    word = "True" if ready else "False"
    conditions = list(current.get("conditions") or ())
    for kind in _CONDITIONS:
        conditions = with_condition(conditions, {"type": kind, "status": word}, now)
    started = current.get("startTime") or timestamp(now)
    ips = [{"ip": address} for address in addresses]
    return {
        **{key: current[key] for key in ("qosClass",) if key in current},
        "phase": "Running",
        "startTime": started,
        "podIP": ips[0]["ip"] if ips else "",
        "podIPs": ips,
        "conditions": conditions,
        "containerStatuses": [
            {
                "name": _CONTAINER,
                "image": _IMAGE,
                "imageID": "",
                "ready": ready,
                "started": True,
                "restartCount": 0,
                "state": {"running": {"startedAt": started}},
            }
        ],
    }


class DnsPodsController(Controller[str]):
    """Keys are the names of servers, which their pods have, too."""

    name = "dns-pods"

    def __init__(self, client: Client, informers: Informers, heartbeats: Heartbeats) -> None:
        super().__init__()
        self._client = client
        self._heartbeats = heartbeats
        heartbeats.subscribe(self._heard)
        informers.of("pods").subscribe(self._pod_changed)

    def _heard(self, role: Role, name: str) -> None:
        if role == "dns":
            self.queue.add(name)

    def _pod_changed(self, old: Object | None, new: Object | None) -> None:
        pod = new or old
        if pod is not None and pod["spec"].get("schedulerName") == SCHEDULER:
            self.queue.add(str(pod["metadata"]["name"]))

    async def reconcile(self, key: str) -> None:
        """Makes, renews or removes the pod, and plans the next look."""
        beats = self._heartbeats
        sign = beats.last("dns", key)
        if sign is not None and beats.is_alive("dns", key):
            await self._show(key, sign.addresses, ready=sign.ready)
            self.queue.add_after(key, beats.grace_s - beats.silence_s("dns", key) + 0.01)
        elif beats.age_s < beats.grace_s:
            self.queue.add_after(key, beats.grace_s - beats.age_s + 0.01)
        else:
            await self._remove(key)

    async def _show(self, name: str, addresses: tuple[str, ...], *, ready: bool) -> None:
        now = datetime.now(UTC)
        try:
            current = await self._client.get("pods", name, NAMESPACE)
        except StatusError as error:
            if error.reason != "NotFound":
                raise
            current = await self._client.create("pods", dns_pod(name))
        known = current.get("status") or {}
        if known != dns_pod_status(known, addresses, now, ready=ready):

            def change(pod: Object) -> None:
                before = pod.get("status") or {}
                pod["status"] = dns_pod_status(before, addresses, now, ready=ready)

            await self._client.patch("pods", name, change, NAMESPACE, subresource="status")

    async def _remove(self, name: str) -> None:
        try:
            await self._client.delete("pods", name, NAMESPACE, grace_period_seconds=0)
        except StatusError as error:
            if error.reason != "NotFound":
                raise
