"""Policies and their settings between pb2 messages and the model."""

from enum import Enum
from typing import TypeVar

from netcore.model.address import parse_network
from netcore.model.errors import ConfigError
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
from netcore.model.policy_settings import (
    BlockScope,
    Deny,
    Established,
    Hairpin,
    HostNetwork,
    Icmp,
    IpBlocks,
    PolicySettings,
)
from netcore.model.selector import LabelSelector, Operator, Requirement
from protos.gen.v1 import network_pb2

_Choice = TypeVar("_Choice", bound=Enum)


def policy_settings_to_pb(settings: PolicySettings) -> network_pb2.PolicySettings:
    return network_pb2.PolicySettings(
        enforced=settings.enforced,
        established=settings.established.value,
        deny=settings.deny.value,
        hairpin=settings.hairpin.value,
        host_network=settings.host_network.value,
        icmp=settings.icmp.value,
        ip_blocks=settings.ip_blocks.value,
        block_scope=settings.block_scope.value,
    )


def policy_settings_from_pb(message: network_pb2.PolicySettings) -> PolicySettings:
    return PolicySettings(
        enforced=message.enforced,
        established=_choice(Established, message.established),
        deny=_choice(Deny, message.deny),
        hairpin=_choice(Hairpin, message.hairpin),
        host_network=_choice(HostNetwork, message.host_network),
        icmp=_choice(Icmp, message.icmp),
        ip_blocks=_choice(IpBlocks, message.ip_blocks),
        block_scope=_choice(BlockScope, message.block_scope),
    )


def policy_to_pb(policy: Policy) -> network_pb2.Policy:
    return network_pb2.Policy(
        kind=policy.kind.value,
        namespace=policy.namespace,
        name=policy.name,
        uid=policy.uid,
        pods=_selector_to_pb(policy.pods),
        namespaces=_selector_to_pb(policy.namespaces),
        isolates=sorted(direction.value for direction in policy.isolates),
        ingress=map(_rule_to_pb, policy.ingress),
        egress=map(_rule_to_pb, policy.egress),
        priority=policy.priority,
        enforced=policy.enforced,
    )


def policy_from_pb(message: network_pb2.Policy) -> Policy:
    has_namespaces = message.HasField("namespaces")
    return Policy(
        kind=_choice(PolicyKind, message.kind),
        namespace=message.namespace,
        name=message.name,
        uid=message.uid,
        pods=_selector_from_pb(message.pods),
        namespaces=_selector_from_pb(message.namespaces) if has_namespaces else None,
        isolates=frozenset(_choice(Direction, value) for value in message.isolates),
        ingress=tuple(map(_rule_from_pb, message.ingress)),
        egress=tuple(map(_rule_from_pb, message.egress)),
        priority=message.priority,
        enforced=message.enforced,
    )


def _rule_to_pb(rule: Rule) -> network_pb2.PolicyRule:
    return network_pb2.PolicyRule(
        peers=map(_peer_to_pb, rule.peers),
        ports=[
            network_pb2.PolicyPort(
                protocol=port.protocol, first=port.first, last=port.last, name=port.name
            )
            for port in rule.ports
        ],
        action=rule.action.value,
        name=rule.name,
    )


def _rule_from_pb(message: network_pb2.PolicyRule) -> Rule:
    return Rule(
        peers=tuple(map(_peer_from_pb, message.peers)),
        ports=tuple(
            PortMatch(port.protocol, port.first, port.last, port.name) for port in message.ports
        ),
        action=_choice(Action, message.action),
        name=message.name,
    )


def _peer_to_pb(peer: Peer) -> network_pb2.PolicyPeer:
    return network_pb2.PolicyPeer(
        blocks=[
            network_pb2.IpBlock(network=str(block.network), excepts=map(str, block.excepts))
            for block in peer.blocks
        ],
        pods=_selector_to_pb(peer.pods),
        namespaces=_selector_to_pb(peer.namespaces),
        nodes=_selector_to_pb(peer.nodes),
    )


def _peer_from_pb(message: network_pb2.PolicyPeer) -> Peer:
    has = message.HasField
    return Peer(
        blocks=tuple(
            IpBlock(parse_network(block.network), tuple(map(parse_network, block.excepts)))
            for block in message.blocks
        ),
        pods=_selector_from_pb(message.pods) if has("pods") else None,
        namespaces=_selector_from_pb(message.namespaces) if has("namespaces") else None,
        nodes=_selector_from_pb(message.nodes) if has("nodes") else None,
    )


def _selector_to_pb(selector: LabelSelector | None) -> network_pb2.LabelSelector | None:
    if selector is None:
        return None
    return network_pb2.LabelSelector(
        requirements=[
            network_pb2.Requirement(key=each.key, operator=each.operator.value, values=each.values)
            for each in selector.requirements
        ]
    )


def _selector_from_pb(message: network_pb2.LabelSelector) -> LabelSelector:
    return LabelSelector(
        tuple(
            Requirement(each.key, _choice(Operator, each.operator), tuple(each.values))
            for each in message.requirements
        )
    )


def _choice(kind: type[_Choice], value: str) -> _Choice:
    try:
        return kind(value)
    except ValueError:
        raise ConfigError(f"{value!r} is no {kind.__name__}") from None
