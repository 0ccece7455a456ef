"""A Node's place in the network must be its own: what two nodes claim breaks both.

Nodes that kubehop's agents join are checked when they register; these rules are for what a user
writes, such as a Node for a machine with a VXLAN device of its own.
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

from controlplane.api.errors import FieldError, invalid_value
from controlplane.api.strategies.tree import child, children, texts
from netcore.manifest.nodes import PUBLIC_IP

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from controlplane.api.strategies.tree import Object
    from controlplane.config import IPNetwork

INSTANCE_ANNOTATION = "kubehop.dev/instance-id"


def pod_cidrs(node: Object) -> list[str]:
    """The Node's pod CIDRs as they are written."""
    return texts(child(node, "spec"), "podCIDRs")


def public_ip(node: Object) -> str:
    """Where the Node's VTEP is, '' when the Node does not say."""
    return str(child(child(node, "metadata"), "annotations").get(PUBLIC_IP) or "")


def is_joined(node: Object) -> bool:
    """Whether an agent of ours is behind the Node."""
    return bool(child(child(node, "metadata"), "annotations").get(INSTANCE_ANNOTATION))


def validate_node_network(
    node: Object, others: Iterable[Object], cluster_cidrs: Sequence[IPNetwork]
) -> list[FieldError]:
    """What the Node claims and cannot have beside `others`; malformed CIDRs are passed over."""
    known = list(others)
    errors = _too_many_cidrs(pod_cidrs(node))
    for index, text in enumerate(pod_cidrs(node)):
        wrong = _wrong_cidr(text, known, cluster_cidrs)
        if wrong:
            errors.append(invalid_value(f"spec.podCIDRs[{index}]", text, wrong))
    address = public_ip(node)
    wrong = "" if is_joined(node) or not address else _wrong_address(address, known)
    if wrong:
        errors.append(invalid_value(f"metadata.annotations[{PUBLIC_IP}]", address, wrong))
    return errors


def _too_many_cidrs(cidrs: list[str]) -> list[FieldError]:
    """Source: ValidateNode of pkg/apis/core/validation."""
    known = [network for network in map(_network, cidrs) if network is not None]
    if len({network.version for network in known}) < len(known):
        detail = "may specify no more than one CIDR for each IP family"
        return [invalid_value("spec.podCIDRs", cidrs, detail)]
    return []


def _wrong_cidr(text: str, others: list[Object], cluster_cidrs: Sequence[IPNetwork]) -> str:
    cidr = _network(text)
    if cidr is None:
        return ""
    if not any(_lies_in(cidr, cluster) for cluster in cluster_cidrs):
        shown = ", ".join(map(str, cluster_cidrs))
        return f"must lie in the cluster's pod CIDR {shown}"
    for other in others:
        for held in map(_network, pod_cidrs(other)):
            if held is not None and held.overlaps(cidr):
                return f"overlaps {held} of node {other['metadata']['name']}"
    return ""


def _wrong_address(text: str, others: list[Object]) -> str:
    try:
        address = ip_address(text)
    except ValueError:
        return "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
    if address.is_unspecified or address.is_multicast or address.is_loopback:
        return "may not be unspecified, loopback or multicast"
    for other in others:
        if str(address) in _addresses(other):
            return f"is the address of node {other['metadata']['name']}"
    return ""


def _lies_in(cidr: IPNetwork, cluster: IPNetwork) -> bool:
    return cidr.version == cluster.version and cidr.subnet_of(cluster)  # type: ignore[arg-type]


def _addresses(node: Object) -> set[str]:
    entries = children(child(node, "status"), "addresses")
    internal = {str(e.get("address")) for e in entries if e.get("type") == "InternalIP"}
    return internal | {public_ip(node)}


def _network(text: str) -> IPNetwork | None:
    try:
        return ip_network(text)
    except ValueError:
        return None
