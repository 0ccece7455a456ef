"""NetworkPolicies: defaults, rules, and who enforces them.

Source: Kubernetes pkg/apis/networking/v1/defaults.go and pkg/apis/networking/validation.
"""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

from controlplane.api.errors import (
    FieldError,
    field_forbidden,
    invalid_value,
    not_supported,
    required,
)
from controlplane.api.strategies.addresses import cidr_text
from controlplane.api.strategies.names import port_name, port_number
from controlplane.api.strategies.selectors import validate_selector
from controlplane.api.strategies.tree import child, children, number, set_default, texts
from controlplane.api.strategy import BaseStrategy

if TYPE_CHECKING:
    from controlplane.api.strategies.tree import Object
    from controlplane.api.strategy import Context
    from controlplane.config import ClusterSettings

_PROTOCOLS = ["TCP", "UDP", "SCTP"]
_TYPES = ["Ingress", "Egress"]
_DIRECTIONS = (("ingress", "from"), ("egress", "to"))


class NetworkPolicyStrategy(BaseStrategy):
    """A policy that cannot be enforced is kept, and its writer told."""

    def default(self, obj: Object) -> None:
        """Ports are TCP's; without policyTypes a policy is about ingress, and about egress when it
        has rules for it.
        """
        spec = child(obj, "spec")
        for rules, _ in _DIRECTIONS:
            for rule in children(spec, rules):
                for port in children(rule, "ports"):
                    set_default(port, "protocol", "TCP")
        if "spec" in obj and spec.get("policyTypes") is None:
            spec["policyTypes"] = _TYPES if spec.get("egress") else _TYPES[:1]

    async def prepare_create(self, obj: Object, ctx: Context) -> None:
        """Says when nobody will enforce it."""
        ctx.warnings.extend(enforcement_warnings(ctx.settings))

    async def prepare_update(self, obj: Object, old: Object, ctx: Context) -> None:
        """The same."""
        ctx.warnings.extend(enforcement_warnings(ctx.settings))

    def validate(self, obj: Object, old: Object | None) -> list[FieldError]:
        """The rules of the API, in its words."""
        spec = child(obj, "spec")
        errors = validate_selector(child(spec, "podSelector"), "spec.podSelector")
        for rules, ends in _DIRECTIONS:
            for index, rule in enumerate(children(spec, rules)):
                errors += _validate_rule(rule, ends, f"spec.{rules}[{index}]")
        return errors + _validate_types(spec)


def enforcement_warnings(settings: ClusterSettings) -> list[str]:
    """The text of a `Warning:` header where policies have no effect."""
    return [] if settings.policy.enforced else [unenforced(settings.cni)]


def unenforced(cni: str) -> str:
    """Why a policy does nothing, and the remedy."""
    return f'network policies are not enforced with the CNI "{cni}": start the cluster with another'


def _validate_rule(rule: Object, ends: str, path: str) -> list[FieldError]:
    errors = []
    for index, port in enumerate(children(rule, "ports")):
        errors += _validate_port(port, f"{path}.ports[{index}]")
    for index, peer in enumerate(children(rule, ends)):
        errors += _validate_peer(peer, f"{path}.{ends}[{index}]")
    return errors


def _validate_port(entry: Object, path: str) -> list[FieldError]:
    errors = []
    protocol, port, end = entry.get("protocol"), entry.get("port"), number(entry.get("endPort"))
    if protocol not in _PROTOCOLS:
        errors.append(not_supported(f"{path}.protocol", protocol, _PROTOCOLS))
    if isinstance(port, str):
        if end is not None:
            detail = "may not be specified when `port` is non-numeric"
            errors.append(invalid_value(f"{path}.endPort", end, detail))
        return errors + [invalid_value(f"{path}.port", port, text) for text in port_name(port)]
    first = number(port)
    if first is None:
        detail = "may not be specified when `port` is not specified"
        return errors if end is None else [*errors, invalid_value(f"{path}.endPort", end, detail)]
    errors += [invalid_value(f"{path}.port", first, text) for text in port_number(first)]
    if end is not None:
        if end < first:
            detail = "must be greater than or equal to `port`"
            errors.append(invalid_value(f"{path}.endPort", first, detail))
        errors += [invalid_value(f"{path}.endPort", end, text) for text in port_number(end)]
    return errors


def _validate_peer(peer: Object, path: str) -> list[FieldError]:
    kinds = [key for key in ("podSelector", "namespaceSelector", "ipBlock") if key in peer]
    if not kinds:
        return [required(path, "must specify a peer")]
    if "ipBlock" in kinds and len(kinds) > 1:
        return [field_forbidden(path, "may not specify both ipBlock and another peer")]
    if "ipBlock" in kinds:
        return _validate_block(child(peer, "ipBlock"), f"{path}.ipBlock")
    return [
        error for key in kinds for error in validate_selector(child(peer, key), f"{path}.{key}")
    ]


def _validate_block(block: Object, path: str) -> list[FieldError]:
    cidr = block.get("cidr")
    if not cidr or not isinstance(cidr, str):
        return [required(f"{path}.cidr")]
    wrong = cidr_text(cidr)
    if wrong:
        return [invalid_value(f"{path}.cidr", cidr, text) for text in wrong]
    errors = []
    for index, text in enumerate(texts(block, "except")):
        place = f"{path}.except[{index}]"
        wrong = cidr_text(text)
        errors += [invalid_value(place, text, detail) for detail in wrong]
        if not wrong and not _is_strict_subset(text, cidr):
            errors.append(invalid_value(place, text, "must be a strict subset of `cidr`"))
    return errors


def _is_strict_subset(inner: str, outer: str) -> bool:
    within, around = ip_network(inner, strict=False), ip_network(outer, strict=False)
    return (
        within.version == around.version
        and within.prefixlen > around.prefixlen
        and within.network_address in around
    )


def _validate_types(spec: Object) -> list[FieldError]:
    found: Any = spec.get("policyTypes") or []
    if len(found) > len(_TYPES):
        detail = "may not specify more than two policyTypes"
        return [invalid_value("spec.policyTypes", found, detail)]
    return [
        not_supported(f"spec.policyTypes[{index}]", kind, _TYPES)
        for index, kind in enumerate(found)
        if kind not in _TYPES
    ]
