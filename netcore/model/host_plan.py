"""What a node's kernel leads into the datapath because of what the snapshot says."""

from dataclasses import dataclass

from netcore.model.address import IpAddress


@dataclass(frozen=True, slots=True)
class HostPlan:
    """`addresses` of Services, in no range of the cluster, which the node answers for, and ports
    of the node (address or None for all, IP protocol, port) that lead to pods.
    """

    addresses: frozenset[IpAddress] = frozenset()
    ports: frozenset[tuple[IpAddress | None, int, int]] = frozenset()
