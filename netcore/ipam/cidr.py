"""Carving the CIDRs of nodes out of the cluster's pod CIDR."""

from collections.abc import Iterable

from netcore.model.address import IpNetwork
from netcore.model.errors import AllocationError, ConfigError


def node_cidr_count(cluster: IpNetwork, mask_bits: int) -> int:
    """How many node CIDRs with a mask of `mask_bits` fit the cluster's pod CIDR.

    Raises ConfigError when the mask is wider than the cluster's or than an address.
    """
    if not cluster.prefixlen <= mask_bits <= cluster.max_prefixlen:
        raise ConfigError(
            f"node CIDR mask /{mask_bits} does not fit pod CIDR {cluster}: "
            f"choose a mask from /{cluster.prefixlen} to /{cluster.max_prefixlen}"
        )
    return 1 << (mask_bits - cluster.prefixlen)


def node_cidr(cluster: IpNetwork, mask_bits: int, index: int) -> IpNetwork:
    """The node CIDR number `index`, counted from 0 at the start of the cluster's pod CIDR.

    Raises ConfigError (mask) or AllocationError (no such index).
    """
    count = node_cidr_count(cluster, mask_bits)
    if not 0 <= index < count:
        raise AllocationError(
            f"pod CIDR {cluster} has {count} /{mask_bits} node CIDRs, not #{index}"
        )
    size_bits = cluster.max_prefixlen - mask_bits
    first = int(cluster.network_address) + (index << size_bits)
    return type(cluster)((first, mask_bits))


def carve_node_cidr(cluster: IpNetwork, mask_bits: int, used: Iterable[IpNetwork]) -> IpNetwork:
    """The lowest node CIDR that overlaps none of `used`, which may have any masks.

    Needs O(n log n) for n used networks, however large the cluster's CIDR is. Raises
    ConfigError (mask) or AllocationError (none left).
    """
    count = node_cidr_count(cluster, mask_bits)
    size_bits = cluster.max_prefixlen - mask_bits
    base = int(cluster.network_address)
    taken = sorted(
        (
            (int(network.network_address) - base) >> size_bits,
            (int(network.broadcast_address) - base) >> size_bits,
        )
        for network in used
        if network.version == cluster.version and network.overlaps(cluster)
    )
    candidate = 0
    for first, last in taken:
        if first > candidate:
            break
        candidate = max(candidate, last + 1)
    if candidate >= count:
        raise AllocationError(
            f"pod CIDR {cluster} has no free /{mask_bits} for another node: {count} in all"
        )
    return node_cidr(cluster, mask_bits, candidate)
