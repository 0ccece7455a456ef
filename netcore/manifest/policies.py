"""Policies out of their manifests.

What is wrong in a manifest, and would have been refused by an API server, never allows more: such
an entry of `from`, `to` or `ports` matches nothing.
"""

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_network
from typing import Any

from netcore.model.address import IpNetwork
from netcore.model.policy import (
    Action,
    Direction,
    IpBlock,
    Peer,
    Policy,
    PolicyKind,
    PortMatch,
    Rule,
)
from netcore.model.selector import EVERYTHING, LabelSelector, Operator, Requirement

Manifest = Mapping[str, Any]

_NO_PORT = PortMatch("TCP", 1, 0)
_LISTS = {Direction.INGRESS: ("ingress", "from"), Direction.EGRESS: ("egress", "to")}


def network_policy(manifest: Manifest) -> Policy:
    """A networking.k8s.io/v1 NetworkPolicy."""
    about, spec = manifest["metadata"], manifest.get("spec") or {}
    return Policy(
        kind=PolicyKind.NETWORK,
        namespace=str(about.get("namespace") or "default"),
        name=str(about["name"]),
        uid=str(about.get("uid") or ""),
        pods=selector(spec.get("podSelector")),
        isolates=_isolates(spec),
        ingress=_network_rules(spec, Direction.INGRESS),
        egress=_network_rules(spec, Direction.EGRESS),
    )


def admin_network_policy(manifest: Manifest, kind: PolicyKind = PolicyKind.ADMIN) -> Policy:
    """A policy.networking.k8s.io/v1alpha1 AdminNetworkPolicy or BaselineAdminNetworkPolicy."""
    about, spec = manifest["metadata"], manifest.get("spec") or {}
    namespaces, pods = _subject(spec.get("subject") or {})
    return Policy(
        kind=kind,
        namespace="",
        name=str(about["name"]),
        uid=str(about.get("uid") or ""),
        pods=pods,
        namespaces=namespaces,
        priority=int(spec.get("priority") or 0),
        ingress=tuple(_admin_rules(spec, Direction.INGRESS)),
        egress=tuple(_admin_rules(spec, Direction.EGRESS)),
    )


def selector(manifest: Manifest | None) -> LabelSelector:
    """A meta/v1 LabelSelector; an empty one, or none, selects everything."""
    if not manifest:
        return EVERYTHING
    labels = manifest.get("matchLabels") or {}
    return LabelSelector(
        (
            *(Requirement(key, Operator.IN, (str(value),)) for key, value in labels.items()),
            *(_requirement(each) for each in manifest.get("matchExpressions") or ()),
        )
    )


def _requirement(manifest: Manifest) -> Requirement:
    values = tuple(map(str, manifest.get("values") or ()))
    try:
        return Requirement(str(manifest.get("key")), Operator(manifest.get("operator")), values)
    except ValueError:
        return Requirement("", Operator.IN)  # met by nothing


def _isolates(spec: Manifest) -> frozenset[Direction]:
    """policyTypes, or what the API makes of its lack."""
    types = spec.get("policyTypes")
    if types is None:
        types = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]
    return frozenset(direction for direction in Direction if direction.value in types)


def _network_rules(spec: Manifest, direction: Direction) -> tuple[Rule, ...]:
    rules, ends = _LISTS[direction]
    return tuple(
        Rule(
            tuple(_network_peer(peer) for peer in rule.get(ends) or ()),
            tuple(_network_port(port) for port in rule.get("ports") or ()),
        )
        for rule in spec.get(rules) or ()
    )


def _network_peer(peer: Manifest) -> Peer:
    block = peer.get("ipBlock")
    if block is not None:
        return Peer(blocks=tuple(_blocks([block.get("cidr")], block.get("except") or ())))
    namespaces, pods = peer.get("namespaceSelector"), peer.get("podSelector")
    if namespaces is None and pods is None:
        return Peer()
    within = None if namespaces is None else selector(namespaces)
    return Peer(pods=selector(pods), namespaces=within)


def _network_port(manifest: Manifest) -> PortMatch:
    protocol = str(manifest.get("protocol") or "TCP")
    port = manifest.get("port")
    if port is None:
        return PortMatch(protocol)
    if isinstance(port, str):
        return PortMatch(protocol, name=port)
    return PortMatch(protocol, int(port), int(manifest.get("endPort") or port))


def _subject(manifest: Manifest) -> tuple[LabelSelector, LabelSelector]:
    """The namespaces and the pods in them that an admin's policy is about."""
    pods = manifest.get("pods")
    if pods is not None:
        return selector(pods.get("namespaceSelector")), selector(pods.get("podSelector"))
    return selector(manifest.get("namespaces")), EVERYTHING


def _admin_rules(spec: Manifest, direction: Direction) -> Iterator[Rule]:
    rules, ends = _LISTS[direction]
    for rule in spec.get(rules) or ():
        yield Rule(
            # An admin's rule names its peers: without any it is about nobody.
            tuple(_admin_peer(peer) for peer in rule.get(ends) or ()) or (Peer(),),
            tuple(_admin_port(port) for port in rule.get("ports") or ()),
            Action(rule["action"]),
            str(rule.get("name") or ""),
        )


def _admin_peer(peer: Manifest) -> Peer:
    if "namespaces" in peer:
        return Peer(pods=EVERYTHING, namespaces=selector(peer["namespaces"]))
    if "pods" in peer:
        pods = peer["pods"]
        namespaces = selector(pods.get("namespaceSelector"))
        return Peer(pods=selector(pods.get("podSelector")), namespaces=namespaces)
    if "nodes" in peer:
        return Peer(nodes=selector(peer["nodes"]))
    return Peer(blocks=tuple(_blocks(peer.get("networks") or (), ())))


def _admin_port(manifest: Manifest) -> PortMatch:
    if "portNumber" in manifest:
        found = manifest["portNumber"]
        return PortMatch(
            str(found.get("protocol") or "TCP"), int(found["port"]), int(found["port"])
        )
    if "portRange" in manifest:
        found = manifest["portRange"]
        protocol = str(found.get("protocol") or "TCP")
        return PortMatch(protocol, int(found["start"]), int(found["end"]))
    if "namedPort" in manifest:
        return PortMatch("", name=str(manifest["namedPort"]))  # of any protocol
    return _NO_PORT


def _blocks(cidrs: Iterable[Any], excepts: Iterable[Any]) -> Iterator[IpBlock]:
    without = [_network(text) for text in excepts]
    if None in without:
        return
    for text in cidrs:
        network = _network(text)
        if network is not None:
            yield IpBlock(network, tuple(each for each in without if each is not None))


def _network(text: Any) -> IpNetwork | None:
    """The API takes CIDRs with bits of the host set: they mean the same without them."""
    try:
        return ip_network(str(text), strict=False)
    except ValueError:
        return None
