"""Where a node sends an address: the targets of its routes."""

from dataclasses import dataclass

from netcore.model.node import Node


@dataclass(frozen=True, slots=True)
class LocalPods:
    """The node's own pod CIDR: an address in it is a local pod or nobody."""


@dataclass(frozen=True, slots=True)
class RemotePods:
    """Another node's pod CIDR, reached through its VTEP."""

    node: Node


@dataclass(frozen=True, slots=True)
class Unallocated:
    """Inside the cluster's pod range, but of no node."""


@dataclass(frozen=True, slots=True)
class ServiceRange:
    """The service CIDR: only service translation knows these addresses."""


Destination = LocalPods | RemotePods | Unallocated | ServiceRange
