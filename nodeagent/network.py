"""Gives a pod its place in the network: address, device, routes; and takes it back.

The kubelet side asks (`PodNetwork`); the agent and its datapath are told.
"""

import asyncio
import os
from collections.abc import Callable

from netcore.ipam.allocator import AddressAllocator
from netcore.manifest.pods import pod_at
from netcore.model.address import IpAddress
from nodeagent.agent import Agent
from nodeagent.datapath.base import PodPort
from nodeagent.edges.pod_device import PodLink, open_pod_device
from nodeagent.pods.interfaces import Manifest

OpenPodDevice = Callable[[str, PodLink], int]
"""(path of the pod's network namespace, link) -> descriptor. Blocks."""


class LocalPodNetwork:
    """Implements nodeagent.pods.interfaces.PodNetwork for the pods of one node."""

    def __init__(
        self,
        agent: Agent,
        allocators: tuple[AddressAllocator, ...],
        open_device: OpenPodDevice = open_pod_device,
    ) -> None:
        self._agent = agent
        self._allocators = allocators
        self._open_device = open_device
        self._held: dict[str, tuple[IpAddress, ...]] = {}

    async def attach(self, manifest: Manifest, netns_path: str) -> tuple[str, ...]:
        """The pod's addresses, once its device is up and the datapath serves it.

        From its first packet on policies see the pod as the API has it, labels and all: they do
        not wait until the control plane has heard of the addresses.
        Raises AllocationError (no address free) or DatapathError; nothing is kept then.
        """
        ips = self._allocate()
        try:
            link = self._link(ips)
            descriptor = await asyncio.to_thread(self._open_device, netns_path, link)
            try:
                pod = pod_at(manifest, ips)
                name = f"{pod.namespace}/{pod.name}"
                packed = tuple(ip.packed for ip in ips)
                self._agent.add_port(pod, PodPort(pod.uid, name, descriptor, link.mac, packed))
            except BaseException:
                os.close(descriptor)
                raise
        except BaseException:
            self._release(ips)
            raise
        self._held[pod.uid] = ips
        return tuple(map(str, ips))

    async def detach(self, uid: str) -> None:
        """Take the pod off the network and free its addresses. Idempotent."""
        self._agent.remove_port(uid)
        self._release(self._held.pop(uid, ()))

    def _allocate(self) -> tuple[IpAddress, ...]:
        taken: list[IpAddress] = []
        try:
            for allocator in self._allocators:
                taken.append(allocator.allocate(self._agent.clock()))
        except BaseException:
            self._release(tuple(taken))
            raise
        return tuple(taken)

    def _release(self, ips: tuple[IpAddress, ...]) -> None:
        for ip, allocator in zip(ips, self._allocators, strict=False):
            allocator.release(ip, self._agent.clock())

    def _link(self, ips: tuple[IpAddress, ...]) -> PodLink:
        snapshot = self._agent.snapshot
        gateways = (snapshot.gateway(len(ip.packed)) for ip in ips)
        return PodLink(
            mac=b"\x0a\x58" + ips[0].packed[-4:],
            mtu_bytes=snapshot.config.pod_mtu_bytes,
            ips=ips,
            gateways=tuple(
                type(ip)(gateway)
                for ip, gateway in zip(ips, gateways, strict=True)
                if gateway is not None
            ),
        )
