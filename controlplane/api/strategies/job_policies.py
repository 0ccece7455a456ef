"""The rules of podFailurePolicy and successPolicy. Source: pkg/apis/batch/validation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controlplane.api.errors import (
    FieldError,
    duplicate,
    invalid_value,
    not_supported,
    required,
    too_many,
)
from controlplane.api.strategies.job_indexes import parse_indexes
from controlplane.api.strategies.names import qualified_name
from controlplane.api.strategies.pod_template import NOT_NEGATIVE
from controlplane.api.strategies.tree import child, children, number
from netcore.model.errors import ConfigError

if TYPE_CHECKING:
    from controlplane.api.strategies.tree import Object

_ACTIONS = ["Count", "FailIndex", "FailJob", "Ignore"]
_OPERATORS = ["In", "NotIn"]
_STATUSES = ["False", "True", "Unknown"]
_MAX_RULES = 20
_MAX_CODES = 255


def validate_failure_policy(spec: Object, path: str) -> list[FieldError]:
    """What is wrong with `spec.podFailurePolicy`."""
    rules = children(child(spec, "podFailurePolicy"), "rules")
    errors = _at_most(rules, _MAX_RULES, f"{path}.rules")
    template = child(spec, "template", "spec")
    named = [*children(template, "containers"), *children(template, "initContainers")]
    names = {str(container.get("name")) for container in named}
    for index, rule in enumerate(rules):
        at = f"{path}.rules[{index}]"
        errors += _validate_action(rule, spec, f"{at}.action")
        codes, conditions = rule.get("onExitCodes"), children(rule, "onPodConditions")
        if isinstance(codes, dict):
            errors += _validate_codes(codes, f"{at}.onExitCodes", names)
        errors += _validate_conditions(conditions, f"{at}.onPodConditions")
        if codes is not None and conditions:
            detail = "specifying both OnExitCodes and OnPodConditions is not supported"
            errors.append(FieldError(at, f"Invalid value: {detail}"))
        if codes is None and not conditions:
            detail = "specifying one of OnExitCodes and OnPodConditions is required"
            errors.append(FieldError(at, f"Invalid value: {detail}"))
    return errors


def _at_most(items: list[Any], limit: int, path: str) -> list[FieldError]:
    return [too_many(path, len(items), limit)] if len(items) > limit else []


def _choice(value: Any, path: str, supported: list[str]) -> list[FieldError]:
    if not value:
        shown = " ".join(f'"{name}"' for name in supported)
        return [required(path, f"valid values: [{shown}]")]
    return [] if value in supported else [not_supported(path, value, supported)]


def _validate_action(rule: Object, spec: Object, path: str) -> list[FieldError]:
    action = rule.get("action")
    if action == "FailIndex" and spec.get("backoffLimitPerIndex") is None:
        return [invalid_value(path, action, "requires the backoffLimitPerIndex to be set")]
    return _choice(action, path, _ACTIONS)


def _validate_conditions(patterns: list[Object], path: str) -> list[FieldError]:
    errors = _at_most(patterns, _MAX_RULES, path)
    for index, pattern in enumerate(patterns):
        kind = str(pattern.get("type") or "")
        at = f"{path}[{index}]"
        errors += [invalid_value(f"{at}.type", kind, text) for text in qualified_name(kind)]
        errors += _choice(pattern.get("status"), f"{at}.status", _STATUSES)
    return errors


def _validate_codes(codes: Object, path: str, containers: set[str]) -> list[FieldError]:
    operator, values = codes.get("operator"), codes.get("values") or []
    errors = _choice(operator, f"{path}.operator", _OPERATORS)
    name = codes.get("containerName")
    if name is not None and name not in containers:
        detail = "must be one of the container or initContainer names in the pod template"
        errors.append(invalid_value(f"{path}.containerName", name, detail))
    if not values:
        errors.append(invalid_value(f"{path}.values", values, "at least one value is required"))
    errors += _at_most(values, _MAX_CODES, f"{path}.values")
    for index, value in enumerate(values):
        at = f"{path}.values[{index}]"
        if operator == "In" and value == 0:
            errors.append(invalid_value(at, value, "must not be 0 for the In operator"))
        if value in values[:index]:
            errors.append(duplicate(at, value))
    if values != sorted(values):
        errors.append(invalid_value(f"{path}.values", values, "must be ordered"))
    return errors


def validate_success_policy(spec: Object, path: str) -> list[FieldError]:
    """What is wrong with `spec.successPolicy`."""
    policy = child(spec, "successPolicy")
    if spec.get("completionMode") != "Indexed":
        return [invalid_value(path, policy, "requires indexed completion mode")]
    rules = children(policy, "rules")
    errors = _at_most(rules, _MAX_RULES, f"{path}.rules")
    if not rules:
        detail = "at least one rules must be specified when the successPolicy is specified"
        errors.append(required(f"{path}.rules", detail))
    completions = number(spec.get("completions")) or 0
    for index, rule in enumerate(rules):
        errors += _validate_success_rule(rule, completions, f"{path}.rules[{index}]")
    return errors


def _validate_success_rule(rule: Object, completions: int, path: str) -> list[FieldError]:
    text, count = rule.get("succeededIndexes"), number(rule.get("succeededCount"))
    if text is None and count is None:
        detail = "at least one of succeededCount or succeededIndexes must be specified"
        return [required(path, detail)]
    errors, named = [], 0
    if text is not None:
        try:
            named = len(parse_indexes(str(text), completions))
        except ConfigError as error:
            detail = f"error parsing succeededIndexes: {error}"
            errors.append(invalid_value(f"{path}.succeededIndexes", text, detail))
    if count is None:
        return errors
    at = f"{path}.succeededCount"
    if count < 0:
        errors.append(invalid_value(at, count, NOT_NEGATIVE))
    for limit, what in (
        (completions, "the number of specified completions"),
        (named if text is not None else count, "the number of indexes in the specified "
         "succeededIndexes field"),
    ):  # fmt: skip
        if count > limit:
            errors.append(
                invalid_value(at, count, f"must be less than or equal to {limit} ({what})")
            )
    return errors
