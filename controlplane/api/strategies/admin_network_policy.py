"""AdminNetworkPolicy and BaselineAdminNetworkPolicy: rules, and who enforces them.

Source: the CustomResourceDefinitions of sigs.k8s.io/network-policy-api, v1alpha1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from controlplane.api.errors import FieldError, invalid_value, not_supported, required
from controlplane.api.strategies.addresses import cidr_text
from controlplane.api.strategies.names import port_number
from controlplane.api.strategies.network_policy import enforcement_warnings
from controlplane.api.strategies.selectors import validate_selector
from controlplane.api.strategies.tree import child, children, number, set_default, texts
from controlplane.api.strategy import BaseStrategy

if TYPE_CHECKING:
    from controlplane.api.strategies.tree import Object
    from controlplane.api.strategy import Context

_PROTOCOLS = ["TCP", "UDP", "SCTP"]
_MAX_ENTRIES, _MAX_NAME, _MAX_PRIORITY, _MAX_NETWORKS = 100, 100, 1000, 25
_PODS = ("namespaces", "pods")
_DIRECTIONS = (("ingress", "from", _PODS), ("egress", "to", (*_PODS, "nodes", "networks")))
_BASELINE_NAME = "default"


class AdminNetworkPolicyStrategy(BaseStrategy):
    """Both kinds: a baseline has no priority, no Pass, and one name."""

    def __init__(self, *, is_baseline: bool) -> None:
        self._is_baseline = is_baseline
        self._actions = ["Allow", "Deny", *([] if is_baseline else ["Pass"])]

    def default(self, obj: Object) -> None:
        """Ports are TCP's."""
        for rules, _, _ in _DIRECTIONS:
            for rule in children(child(obj, "spec"), rules):
                for port in children(rule, "ports"):
                    for kind in ("portNumber", "portRange"):
                        if kind in port:
                            set_default(child(port, kind), "protocol", "TCP")

    async def prepare_create(self, obj: Object, ctx: Context) -> None:
        """Says when nobody will enforce it."""
        ctx.warnings.extend(enforcement_warnings(ctx.settings))

    async def prepare_update(self, obj: Object, old: Object, ctx: Context) -> None:
        """The same; a status is not its writer's word."""
        if not ctx.subresource:
            ctx.warnings.extend(enforcement_warnings(ctx.settings))

    def validate(self, obj: Object, old: Object | None) -> list[FieldError]:
        """What the definitions' limits and rules say."""
        spec = child(obj, "spec")
        errors = [] if self._is_baseline else _validate_priority(spec)
        name = child(obj, "metadata").get("name")
        if self._is_baseline and name != _BASELINE_NAME:
            detail = 'there can be only one baseline admin network policy, with the name "default"'
            errors.append(invalid_value("metadata.name", name, detail))
        if "subject" not in spec:
            errors.append(required("spec.subject"))
        else:
            errors += _validate_choice(child(spec, "subject"), _PODS, "spec.subject")
        for rules, ends, kinds in _DIRECTIONS:
            errors += _too_many(children(spec, rules), f"spec.{rules}")
            for index, rule in enumerate(children(spec, rules)):
                errors += self._validate_rule(rule, ends, kinds, f"spec.{rules}[{index}]")
        return errors

    def _validate_rule(
        self, rule: Object, ends: str, kinds: tuple[str, ...], path: str
    ) -> list[FieldError]:
        errors = []
        if rule.get("action") not in self._actions:
            errors.append(not_supported(f"{path}.action", rule.get("action"), self._actions))
        if len(str(rule.get("name") or "")) > _MAX_NAME:
            detail = f"may not be longer than {_MAX_NAME}"
            errors.append(invalid_value(f"{path}.name", rule["name"], detail))
        peers = children(rule, ends)
        if not peers:
            errors.append(required(f"{path}.{ends}", "at least one peer"))
        for entries, name in ((peers, ends), (children(rule, "ports"), "ports")):
            errors += _too_many(entries, f"{path}.{name}")
        for index, peer in enumerate(peers):
            errors += _validate_choice(peer, kinds, f"{path}.{ends}[{index}]")
        for index, port in enumerate(children(rule, "ports")):
            errors += _validate_port(port, f"{path}.ports[{index}]")
        return errors


def _validate_priority(spec: Object) -> list[FieldError]:
    priority = number(spec.get("priority"))
    if priority is None:
        return [required("spec.priority")]
    if not 0 <= priority <= _MAX_PRIORITY:
        detail = f"must be between 0 and {_MAX_PRIORITY}, inclusive"
        return [invalid_value("spec.priority", priority, detail)]
    return []


def _too_many(entries: list[Object], path: str) -> list[FieldError]:
    if len(entries) <= _MAX_ENTRIES:
        return []
    text = f"Too many: {len(entries)}: must have at most {_MAX_ENTRIES} items"
    return [FieldError(path, text, "FieldValueTooMany")]


def _validate_choice(entry: Object, kinds: tuple[str, ...], path: str) -> list[FieldError]:
    """Exactly one of the fields, and what is in it."""
    given = [kind for kind in kinds if kind in entry]
    if len(given) != 1:
        return [required(path, f"exactly one of {', '.join(kinds)}")]
    match given[0]:
        case "networks":
            return _validate_networks(entry, f"{path}.networks")
        case "pods":
            pods = child(entry, "pods")
            fields = ("namespaceSelector", "podSelector")
            return [
                error
                for field in fields
                for error in validate_selector(child(pods, field), f"{path}.pods.{field}")
            ]
        case kind:
            return validate_selector(child(entry, kind), f"{path}.{kind}")


def _validate_networks(entry: Object, path: str) -> list[FieldError]:
    networks = texts(entry, "networks")
    if not 0 < len(networks) <= _MAX_NETWORKS:
        return [invalid_value(path, len(networks), f"must have 1 to {_MAX_NETWORKS} items")]
    return [
        invalid_value(f"{path}[{index}]", text, wrong)
        for index, text in enumerate(networks)
        for wrong in cidr_text(text)
    ]


def _validate_port(entry: Object, path: str) -> list[FieldError]:
    kinds = ("portNumber", "namedPort", "portRange")
    given = [kind for kind in kinds if kind in entry]
    if len(given) != 1:
        return [required(path, f"exactly one of {', '.join(kinds)}")]
    kind, found = given[0], child(entry, given[0])
    if kind == "namedPort":
        return []
    errors = []
    if found.get("protocol") not in _PROTOCOLS:
        errors.append(not_supported(f"{path}.{kind}.protocol", found.get("protocol"), _PROTOCOLS))
    fields = ("port",) if kind == "portNumber" else ("start", "end")
    numbers = [number(found.get(field)) or 0 for field in fields]
    for field, value in zip(fields, numbers, strict=True):
        wrong = port_number(value)
        errors += [invalid_value(f"{path}.{kind}.{field}", value, text) for text in wrong]
    if kind == "portRange" and numbers[0] >= numbers[1]:
        errors.append(invalid_value(f"{path}.{kind}", numbers, "start must be less than end"))
    return errors
