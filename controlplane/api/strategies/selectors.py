"""LabelSelector objects (meta/v1): do they match, are they valid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controlplane.api.errors import FieldError, field_forbidden, invalid_value, not_supported
from controlplane.api.errors import required as required_value
from controlplane.api.metadata import validate_labels
from controlplane.api.strategies.names import qualified_name
from controlplane.api.strategies.tree import child, children, texts

if TYPE_CHECKING:
    from collections.abc import Mapping

_OPERATORS = ["DoesNotExist", "Exists", "In", "NotIn"]


def matches_all(wanted: Mapping[str, Any], labels: Mapping[str, Any]) -> bool:
    """Whether `labels` has every pair of `wanted`; an empty `wanted` matches everything."""
    return all(labels.get(key) == value for key, value in wanted.items())


def matches_expression(expression: Mapping[str, Any], labels: Mapping[str, Any]) -> bool:
    """One entry of matchExpressions or of a node selector term. Unknown operators match nothing."""
    key = str(expression.get("key", ""))
    values = expression.get("values") or []
    match expression.get("operator"):
        case "In":
            return key in labels and labels[key] in values
        case "NotIn":
            return key not in labels or labels[key] not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case "Gt":
            return _compares(labels.get(key), values, 1)
        case "Lt":
            return _compares(labels.get(key), values, -1)
        case _:
            return False


def _compares(value: Any, values: list[Any], sign: int) -> bool:
    try:
        return (int(value) - int(values[0])) * sign > 0
    except (TypeError, ValueError, IndexError):
        return False


def selector_matches(selector: Mapping[str, Any] | None, labels: Mapping[str, Any]) -> bool:
    """Whether a LabelSelector selects `labels`: None selects nothing, an empty one everything."""
    if selector is None:
        return False
    return matches_all(selector.get("matchLabels") or {}, labels) and all(
        matches_expression(expression, labels)
        for expression in selector.get("matchExpressions") or []
    )


def is_empty(selector: dict[str, Any]) -> bool:
    """Whether the selector would select everything."""
    return not selector.get("matchLabels") and not selector.get("matchExpressions")


def validate_selector(selector: dict[str, Any], path: str) -> list[FieldError]:
    """What is wrong with a LabelSelector."""
    errors = validate_labels(child(selector, "matchLabels"), f"{path}.matchLabels")
    for index, expression in enumerate(children(selector, "matchExpressions")):
        errors += _validate_expression(expression, f"{path}.matchExpressions[{index}]")
    return errors


def _validate_expression(expression: dict[str, Any], path: str) -> list[FieldError]:
    key = str(expression.get("key", ""))
    operator = expression.get("operator")
    values = texts(expression, "values")
    errors = [invalid_value(f"{path}.key", key, text) for text in qualified_name(key)]
    if operator not in _OPERATORS:
        shown = invalid_value(f"{path}.operator", operator, "not a valid selector operator")
        return [*errors, shown if operator else not_supported(path, operator, _OPERATORS)]
    if operator in ("In", "NotIn") and not values:
        detail = "must be specified when `operator` is 'In' or 'NotIn'"
        errors.append(required_value(f"{path}.values", detail))
    if operator in ("Exists", "DoesNotExist") and values:
        detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
        errors.append(field_forbidden(f"{path}.values", detail))
    return errors
