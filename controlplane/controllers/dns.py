"""Keeps the Endpoints of kube-dns equal to the DNS servers that are alive and ready."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from controlplane.controllers.controller import Controller

if TYPE_CHECKING:
    from collections.abc import Mapping

    from controlplane.api.client import Client
    from controlplane.controllers.heartbeats import Heartbeats, Role
    from controlplane.controllers.informer import Informers

Object = dict[str, Any]
NAMESPACE = "kube-system"
NAME = "kube-dns"
PORTS = (("dns", "UDP", 53), ("dns-tcp", "TCP", 53), ("metrics", "TCP", 9153))
_KEY = "servers"


def dns_subsets(servers: Mapping[str, str]) -> list[Object]:
    """The subsets of kube-dns' Endpoints for these servers: address -> name of the pod."""
    if not servers:
        return []
    ordered = sorted(servers, key=lambda text: ip_address(text).packed)
    ports = [{"name": name, "protocol": protocol, "port": port} for name, protocol, port in PORTS]
    addresses = [
        {
            "ip": text,
            "targetRef": {"kind": "Pod", "namespace": NAMESPACE, "name": servers[text]},
        }
        for text in ordered
    ]
    return [{"addresses": addresses, "ports": ports}]


class DnsController(Controller[str]):
    """The Service has no selector: mirroring makes EndpointSlices of the Endpoints."""

    name = "dns"

    def __init__(self, client: Client, informers: Informers, heartbeats: Heartbeats) -> None:
        super().__init__()
        self._client = client
        self._heartbeats = heartbeats
        heartbeats.subscribe(self._heard)
        informers.of("endpoints").subscribe(self._endpoints_changed)

    def _heard(self, role: Role, name: str) -> None:
        if role == "dns":
            self.queue.add(_KEY)

    def _endpoints_changed(self, old: Object | None, new: Object | None) -> None:
        about = (new or old or {}).get("metadata", {})
        if (about.get("namespace"), about.get("name")) == (NAMESPACE, NAME):
            self.queue.add(_KEY)

    async def reconcile(self, key: str) -> None:
        """Writes the Endpoints and plans the next look for when a server may be lost."""
        beats = self._heartbeats
        alive = [name for name in beats.names("dns") if beats.is_alive("dns", name)]
        for name in alive:
            silence_s = beats.silence_s("dns", name)
            self.queue.add_after(key, beats.grace_s - silence_s + 0.01)
        signs = [(name, beats.last("dns", name)) for name in alive]
        ready = {
            address: name
            for name, sign in signs
            if sign is not None and sign.ready
            for address in sign.addresses
        }
        if not ready and beats.age_s < beats.grace_s:
            # Just started: servers that were there before have the grace period to be heard of.
            self.queue.add_after(key, beats.grace_s - beats.age_s + 0.01)
            return
        subsets = dns_subsets(ready)
        current = await self._client.get("endpoints", NAME, NAMESPACE)
        if (current.get("subsets") or []) != subsets:
            await self._client.patch(
                "endpoints", NAME, lambda found: found.update(subsets=subsets), NAMESPACE
            )
