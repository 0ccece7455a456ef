"""What a node's kernel leads into the datapath because of what the snapshot says."""

from dataclasses import dataclass

from netcore.model.address import IpAddress


@dataclass(frozen=True, slots=True)
class HostPlan:
    """`addresses` of Services, in no range of the cluster, which the node answers for."""

    addresses: frozenset[IpAddress] = frozenset()
