"""Routing: where a (translated) destination is from here."""

from netcore.forwarding.destinations import LocalPods, RemotePods, ServiceRange, Unallocated
from netcore.model.address import IpNetwork, is_loopback, text
from netcore.model.node import Node
from netcore.pipeline.context import FromHost, FromTunnel
from netcore.pipeline.passage import Passage
from netcore.pipeline.trace import Stage
from netcore.pipeline.verdict import (
    Deliver,
    Drop,
    DropReason,
    Encap,
    Reject,
    RejectKind,
    ToHost,
    Verdict,
)


def route(passage: Passage) -> Verdict:
    """The way on for `passage.flow.dst`."""
    snapshot, dst = passage.snapshot, passage.flow.dst
    if dst in snapshot.gateways or dst in snapshot.node_addresses:
        if passage.trace is not None:
            passage.hop(Stage.ROUTE, f"local {text(dst)}", "the node itself")
        return ToHost()
    if is_loopback(dst):
        return _loop_back(passage)
    found = snapshot.routes.lookup(dst)
    if found is None:
        return _leave_cluster(passage)
    match found.target:
        case LocalPods():
            return _deliver(passage, found.network)
        case RemotePods(node):
            return _encapsulate(passage, node, found.network)
        case ServiceRange():
            _note(passage, found.network, "no Service answers at this address")
            return Drop(DropReason.SERVICE_BACKEND_NOT_FOUND)
        case Unallocated():  # pragma: no branch: these are all destinations there are
            _note(passage, found.network, "the address belongs to no node's pod CIDR")
            return Reject(RejectKind.HOST_UNREACHABLE)


def _loop_back(passage: Passage) -> Verdict:
    """Only the node itself may talk to its loopback addresses (RFC 1122 section 3.2.1.3)."""
    if isinstance(passage.ctx.ingress, FromHost) or passage.is_reply:
        _note(passage, "local loopback", "the node itself")
        return ToHost()
    _note(passage, "local loopback", "a loopback address is never reached from elsewhere")
    return Drop(DropReason.FIB_LOOKUP_FAILED)


def _deliver(passage: Passage, cidr: IpNetwork) -> Verdict:
    pod = passage.snapshot.pods_by_ip.get(passage.flow.dst)
    if pod is None or pod.node_name != passage.snapshot.node_name:
        if passage.trace is not None:
            why = f"no pod of this node has {text(passage.flow.dst)}"
            passage.hop(Stage.ROUTE, str(cidr), why)
        return Reject(RejectKind.HOST_UNREACHABLE)
    if passage.trace is not None:
        rule = f"{text(passage.flow.dst)} dev pod"
        passage.hop(Stage.ROUTE, rule, f"pod {pod.namespace}/{pod.name} is here")
    return Deliver(passage.flow.dst)


def _encapsulate(passage: Passage, node: Node, cidr: IpNetwork) -> Verdict:
    if isinstance(passage.ctx.ingress, FromTunnel):
        _note(passage, cidr, "a tunnelled packet is not sent on into another tunnel")
        return Drop(DropReason.FIB_LOOKUP_FAILED)
    if not node.vtep_mac or not node.underlay_addresses:
        if passage.trace is not None:
            why = "that node has not named its VTEP yet"
            passage.hop(Stage.ROUTE, f"{cidr} node {node.name}", why)
        return Drop(DropReason.NO_TUNNEL_OR_ENCAPSULATION_ENDPOINT)
    underlay = node.underlay_addresses[0]
    if passage.trace is not None:
        why = f"the destination is on node {node.name}"
        passage.hop(Stage.ROUTE, f"{cidr} via VTEP {underlay}", why)
    return Encap(node.name, underlay.packed, node.vtep_mac)


def _leave_cluster(passage: Passage) -> Verdict:
    if isinstance(passage.ctx.ingress, FromTunnel) and not passage.is_reply:
        _note(passage, "default", "a tunnelled packet does not leave the cluster from here")
        return Drop(DropReason.FIB_LOOKUP_FAILED)
    _note(passage, "default dev host", "outside the cluster's ranges: through the node")
    return ToHost()


def _note(passage: Passage, rule: str | IpNetwork, why: str) -> None:
    if passage.trace is not None:
        passage.hop(Stage.ROUTE, str(rule), why)
