"""Policies to test with, in few words."""

from typing import Any

from netcore.model.address import parse_network
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
from netcore.model.selector import EVERYTHING, LabelSelector, labelled

BOTH = frozenset(Direction)
INGRESS, EGRESS = (frozenset({direction}) for direction in (Direction.INGRESS, Direction.EGRESS))


def network_policy(name: str = "p", namespace: str = "default", **fields: Any) -> Policy:
    """A NetworkPolicy; without fields it isolates nobody and allows nothing."""
    return Policy(PolicyKind.NETWORK, namespace, name, **fields)


def deny_all(direction: Direction = Direction.INGRESS, **fields: Any) -> Policy:
    """Isolates the pods of its namespace in one direction."""
    return network_policy(
        f"deny-{direction.value.lower()}", isolates=frozenset({direction}), **fields
    )


def admin_policy(name: str, *ingress: Rule, priority: int = 0, **fields: Any) -> Policy:
    own: dict[str, Any] = {"namespaces": EVERYTHING, "ingress": ingress, "priority": priority}
    return Policy(PolicyKind.ADMIN, "", name, **(own | fields))


def baseline_policy(*ingress: Rule, **fields: Any) -> Policy:
    own: dict[str, Any] = {"namespaces": EVERYTHING, "ingress": ingress}
    return Policy(PolicyKind.BASELINE, "", "default", **(own | fields))


def rule(*peers: Peer, ports: tuple[PortMatch, ...] = (), action: Action = Action.ALLOW) -> Rule:
    return Rule(peers, ports, action)


def pods(namespaces: LabelSelector | None = None, **labels: str) -> Peer:
    """Pods with these labels, in the policy's own namespace unless others are selected."""
    return Peer(pods=labelled(**labels), namespaces=namespaces)


def block(cidr: str, *excepts: str) -> Peer:
    return Peer(blocks=(IpBlock(parse_network(cidr), tuple(map(parse_network, excepts))),))


def tcp_port(number: int, last: int = 0) -> PortMatch:
    return PortMatch("TCP", number, last or number)
