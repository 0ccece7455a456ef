"""Deployments and ReplicaSets. Sources: pkg/apis/apps/v1/defaults.go, apps/validation."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from controlplane.api.errors import (
    FieldError,
    field_forbidden,
    invalid_value,
    not_supported,
    required,
)
from controlplane.api.metadata import validate_labels
from controlplane.api.strategies.pod_defaults import default_pod_spec
from controlplane.api.strategies.pod_validation import validate_pod_spec
from controlplane.api.strategies.selectors import (
    is_empty,
    selector_matches,
    validate_selector,
)
from controlplane.api.strategies.tree import child, grow, number, set_default
from controlplane.api.strategy import BaseStrategy

if TYPE_CHECKING:
    from controlplane.api.strategies.tree import Object
    from controlplane.api.strategy import Context

_PERCENT = re.compile(r"[0-9]+%")
_NOT_NEGATIVE = "must be greater than or equal to 0"
_STRATEGIES = ["Recreate", "RollingUpdate"]


def _default_template(spec: Object) -> None:
    if spec.get("replicas") is None:
        spec["replicas"] = 1
    template = grow(spec, "template")
    grow(template, "metadata")
    default_pod_spec(grow(template, "spec"))


def _validate_replicas(spec: Object) -> list[FieldError]:
    replicas = number(spec.get("replicas"))
    if replicas is not None and replicas < 0:
        return [invalid_value("spec.replicas", replicas, _NOT_NEGATIVE)]
    return []


def _validate_selector_and_template(spec: Object, empty: str) -> list[FieldError]:
    selector = spec.get("selector")
    errors = []
    if not isinstance(selector, dict):
        errors.append(required("spec.selector"))
        selector = {}
    else:
        errors += validate_selector(selector, "spec.selector")
        if is_empty(selector):
            errors.append(invalid_value("spec.selector", selector, empty))
    labels = child(spec, "template", "metadata", "labels")
    if not is_empty(selector) and not selector_matches(selector, labels):
        path = "spec.template.metadata.labels"
        errors.append(invalid_value(path, labels, "`selector` does not match template `labels`"))
    errors += validate_labels(labels, "spec.template.metadata.labels")
    template = child(spec, "template", "spec")
    errors += validate_pod_spec(template, "spec.template.spec")
    policy = template.get("restartPolicy")
    if policy in ("OnFailure", "Never"):
        errors.append(not_supported("spec.template.spec.restartPolicy", policy, ["Always"]))
    return errors


def _validate_selector_kept(spec: Object, old: Object) -> list[FieldError]:
    selector = spec.get("selector")
    if selector == old.get("selector"):
        return []
    return [invalid_value("spec.selector", selector, "field is immutable")]


class ReplicaSetStrategy(BaseStrategy):
    """The rules of apps/v1 ReplicaSets."""

    def default(self, obj: Object) -> None:
        """Fills in one replica and the template."""
        _default_template(grow(obj, "spec"))

    async def prepare_create(self, obj: Object, ctx: Context) -> None:
        """No replicas yet."""
        obj["status"] = {"replicas": 0}

    def validate(self, obj: Object, old: Object | None) -> list[FieldError]:
        """Replicas, the selector against the template, the template."""
        spec = child(obj, "spec")
        if old is not None and spec == child(old, "spec"):
            return []
        errors = _validate_replicas(spec)
        empty = "empty selector is invalid for deployment"
        errors += _validate_selector_and_template(spec, empty)
        if old is not None:
            errors += _validate_selector_kept(spec, child(old, "spec"))
        return errors


class DeploymentStrategy(BaseStrategy):
    """The rules of apps/v1 Deployments."""

    def default(self, obj: Object) -> None:
        """Fills in the update strategy, limits and the template."""
        spec = grow(obj, "spec")
        _default_template(spec)
        strategy = grow(spec, "strategy")
        set_default(strategy, "type", "RollingUpdate")
        if strategy["type"] == "RollingUpdate":
            rolling = grow(strategy, "rollingUpdate")
            for field in ("maxSurge", "maxUnavailable"):
                set_default(rolling, field, "25%")
        for field, value in (("revisionHistoryLimit", 10), ("progressDeadlineSeconds", 600)):
            if spec.get(field) is None:
                spec[field] = value

    async def prepare_create(self, obj: Object, ctx: Context) -> None:
        """No status yet."""
        obj["status"] = {}

    def validate(self, obj: Object, old: Object | None) -> list[FieldError]:
        """As for a ReplicaSet, and the update strategy."""
        spec = child(obj, "spec")
        if old is not None and spec == child(old, "spec"):
            return []
        errors = _validate_replicas(spec)
        empty = "empty selector is invalid for deployment"
        errors += _validate_selector_and_template(spec, empty)
        errors += _validate_update_strategy(child(spec, "strategy"))
        errors += _validate_limits(spec)
        if old is not None:
            errors += _validate_selector_kept(spec, child(old, "spec"))
        return errors


def _validate_limits(spec: Object) -> list[FieldError]:
    errors = []
    for field in ("minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"):
        value = number(spec.get(field))
        if value is not None and value < 0:
            errors.append(invalid_value(f"spec.{field}", value, _NOT_NEGATIVE))
    deadline = number(spec.get("progressDeadlineSeconds"))
    if deadline is not None and deadline <= (number(spec.get("minReadySeconds")) or 0):
        detail = "must be greater than minReadySeconds"
        errors.append(invalid_value("spec.progressDeadlineSeconds", deadline, detail))
    return errors


def _validate_update_strategy(strategy: Object) -> list[FieldError]:
    kind = strategy.get("type")
    rolling = child(strategy, "rollingUpdate")
    if kind not in _STRATEGIES:
        return [not_supported("spec.strategy.type", kind, _STRATEGIES)]
    if kind == "Recreate":
        detail = "may not be specified when strategy `type` is 'Recreate'"
        return [field_forbidden("spec.strategy.rollingUpdate", detail)] if rolling else []
    path = "spec.strategy.rollingUpdate"
    errors = []
    for field in ("maxUnavailable", "maxSurge"):
        errors += _validate_amount(rolling.get(field), f"{path}.{field}")
    if not errors and all(_is_zero(rolling.get(f)) for f in ("maxUnavailable", "maxSurge")):
        detail = "may not be 0 when `maxSurge` is 0"
        errors.append(invalid_value(f"{path}.maxUnavailable", rolling["maxUnavailable"], detail))
    return errors


def _is_zero(amount: Any) -> bool:
    return amount in (0, "0%")


def _validate_amount(amount: Any, path: str) -> list[FieldError]:
    if isinstance(amount, str):
        if not _PERCENT.fullmatch(amount):
            detail = (
                "a valid percent string must be a numeric string followed by an ending '%' "
                "(e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')"
            )
            return [invalid_value(path, amount, detail)]
        over = path.endswith("maxUnavailable") and int(amount[:-1]) > 100
        return [invalid_value(path, amount, "must not be greater than 100%")] if over else []
    value = number(amount)
    return [invalid_value(path, value, _NOT_NEGATIVE)] if value is not None and value < 0 else []
