"""Deployments and ReplicaSets. Sources: pkg/apis/apps/v1/defaults.go, apps/validation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controlplane.api.errors import FieldError, field_forbidden, invalid_value, not_supported
from controlplane.api.strategies.pod_template import (
    default_replicas,
    default_template,
    is_zero,
    validate_amount,
    validate_lasting,
    validate_not_negative,
    validate_selector_kept,
    validate_template,
    validate_template_selector,
)
from controlplane.api.strategies.tree import child, grow, number, set_default
from controlplane.api.strategy import BaseStrategy

if TYPE_CHECKING:
    from controlplane.api.strategies.tree import Object
    from controlplane.api.strategy import Context

_STRATEGIES = ["Recreate", "RollingUpdate"]
_EMPTY_SELECTOR = "empty selector is invalid for deployment"
"""Kubernetes says so of ReplicaSets, too."""


def _validate_replicated(spec: Object, kind: str) -> list[FieldError]:
    return [
        *validate_not_negative(spec, "replicas", "minReadySeconds"),
        *validate_template_selector(spec, _EMPTY_SELECTOR),
        *validate_template(spec),
        *validate_lasting(spec, kind),
    ]


class ReplicaSetStrategy(BaseStrategy):
    """The rules of apps/v1 ReplicaSets."""

    def default(self, obj: Object) -> None:
        """Fills in one replica and the template."""
        spec = grow(obj, "spec")
        default_replicas(spec)
        default_template(spec)

    async def prepare_create(self, obj: Object, ctx: Context) -> None:
        """No replicas yet."""
        obj["status"] = {"replicas": 0}

    def validate(self, obj: Object, old: Object | None) -> list[FieldError]:
        """Replicas, the selector against the template, the template."""
        spec = child(obj, "spec")
        if old is not None and spec == child(old, "spec"):
            return []
        errors = _validate_replicated(spec, "ReplicaSet")
        if old is not None:
            errors += validate_selector_kept(spec, child(old, "spec"))
        return errors


class DeploymentStrategy(BaseStrategy):
    """The rules of apps/v1 Deployments."""

    def default(self, obj: Object) -> None:
        """Fills in the update strategy, limits and the template."""
        spec = grow(obj, "spec")
        default_replicas(spec)
        default_template(spec)
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
        errors = _validate_replicated(spec, "Deployment")
        errors += _validate_update_strategy(child(spec, "strategy"))
        errors += _validate_limits(spec)
        if old is not None:
            errors += validate_selector_kept(spec, child(old, "spec"))
        return errors


def _validate_limits(spec: Object) -> list[FieldError]:
    errors = validate_not_negative(spec, "revisionHistoryLimit", "progressDeadlineSeconds")
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
    unavailable, surge = rolling.get("maxUnavailable"), rolling.get("maxSurge")
    errors = validate_amount(unavailable, f"{path}.maxUnavailable", at_most_all=True)
    errors += validate_amount(surge, f"{path}.maxSurge")
    if not errors and is_zero(unavailable) and is_zero(surge):
        detail = "may not be 0 when `maxSurge` is 0"
        errors.append(invalid_value(f"{path}.maxUnavailable", unavailable, detail))
    return errors
