"""Which part of the cluster's pod CIDR a node gets."""

from __future__ import annotations

import asyncio
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

from controlplane.api.errors import StatusError
from controlplane.controllers.controller import Controller
from controlplane.controllers.recorder import involved
from netcore.ipam.cidr import carve_node_cidr, node_cidr_count
from netcore.model.errors import AllocationError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from controlplane.api.client import Client
    from controlplane.config import ClusterSettings, IPNetwork
    from controlplane.controllers.informer import Informers
    from controlplane.controllers.recorder import EventRecorder

Object = dict[str, Any]


def taken_cidrs(nodes: Iterable[Object]) -> list[IPNetwork]:
    """The CIDRs that nodes hold."""
    return [
        ip_network(text)
        for node in nodes
        for text in (node.get("spec") or {}).get("podCIDRs") or ()
    ]


def choose_cidr(cluster: IPNetwork, mask_size: int, taken: Iterable[IPNetwork]) -> IPNetwork:
    """The first free subnet of that size.

    Raises AllocationError with the remedy when none is left.
    """
    flag = "--node-cidr-mask-size" + ("-ipv6" if cluster.version == 6 else "")
    if mask_size < cluster.prefixlen:
        raise AllocationError(
            f"a node CIDR of size /{mask_size} does not fit into the cluster's pod CIDR {cluster}: "
            f"use a {flag} of at least {cluster.prefixlen}"
        )
    try:
        return carve_node_cidr(cluster, mask_size, taken)
    except AllocationError as error:
        count = node_cidr_count(cluster, mask_size)
        raise AllocationError(
            f"no pod CIDR is left: all {count} subnets /{mask_size} of the cluster's pod CIDR "
            f"{cluster} are held by nodes; delete nodes that are gone (kubectl delete node NAME) "
            f"or make the cluster with a larger pod CIDR or a larger {flag}"
        ) from error


class PodCidrPool:
    """Chooses among what the stored nodes leave free; whoever writes a node's CIDR holds `lock`.

    Nothing is remembered, so nothing can leak, and a deleted node's CIDR is free at once.
    """

    def __init__(self, client: Client, settings: ClusterSettings) -> None:
        self.lock = asyncio.Lock()
        self._client = client
        self._settings = settings

    async def choose(self) -> list[str]:
        """A free CIDR of each family, the primary one first; only to be used under `lock`.

        Raises AllocationError.
        """
        nodes, _ = await self._client.list("nodes")
        taken, mask_size = taken_cidrs(nodes), self._settings.mask_size
        return [str(choose_cidr(cidr, mask_size(cidr), taken)) for cidr in self._settings.pod_cidrs]


class NodeCidrController(Controller[str]):
    """Gives Nodes that were created without a pod CIDR one."""

    name = "node-ipam"

    def __init__(
        self, client: Client, informers: Informers, pool: PodCidrPool, recorder: EventRecorder
    ) -> None:
        super().__init__()
        self._client = client
        self._pool = pool
        self._recorder = recorder
        self._without: set[str] = set()
        informers.of("nodes").subscribe(self._node_changed)

    def _node_changed(self, old: Object | None, new: Object | None) -> None:
        if new is not None:
            if not (new.get("spec") or {}).get("podCIDR"):
                self.queue.add(new["metadata"]["name"])
            return
        if old is not None:
            self._without.discard(old["metadata"]["name"])
            for name in self._without:
                self.queue.add(name)

    async def reconcile(self, key: str) -> None:
        """Gives the node a CIDR, or tells it (and waits for a node to go) that none is left."""
        async with self._pool.lock:
            try:
                node = await self._client.get("nodes", key)
            except StatusError as error:
                if error.reason != "NotFound":
                    raise
                return
            if (node.get("spec") or {}).get("podCIDR"):
                return
            try:
                cidrs = await self._pool.choose()
            except AllocationError as error:
                self._without.add(key)
                message = f"Node {key} status is now: CIDRNotAvailable: {error}"
                about = involved(node)
                self._recorder.record(
                    about, "Warning", "CIDRNotAvailable", message, "cidrAllocator"
                )
                return

            def change(current: Object) -> None:
                current.setdefault("spec", {}).update(podCIDR=cidrs[0], podCIDRs=cidrs)

            await self._client.patch("nodes", key, change)
            self._without.discard(key)
