"""DaemonSets. Sources: pkg/apis/apps/v1/defaults.go, pkg/apis/apps/validation/validation.go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controlplane.api.errors import FieldError, invalid_value, not_supported, required
from controlplane.api.strategies.pod_template import (
    default_template,
    is_zero,
    validate_amount,
    validate_lasting,
    validate_not_negative,
    validate_selector_kept,
    validate_template,
    validate_template_selector,
)
from controlplane.api.strategies.tree import child, grow, set_default
from controlplane.api.strategy import BaseStrategy

if TYPE_CHECKING:
    from controlplane.api.strategies.tree import Object
    from controlplane.api.strategy import Context

GENERATION_ANNOTATION = "deprecated.daemonset.template.generation"
_STRATEGIES = ["RollingUpdate", "OnDelete"]


class DaemonSetStrategy(BaseStrategy):
    """The rules of apps/v1 DaemonSets."""

    def default(self, obj: Object) -> None:
        """Fills in the update strategy, the limit and the template."""
        spec = grow(obj, "spec")
        default_template(spec)
        strategy = grow(spec, "updateStrategy")
        set_default(strategy, "type", "RollingUpdate")
        if strategy["type"] == "RollingUpdate":
            rolling = grow(strategy, "rollingUpdate")
            for field, value in (("maxSurge", 0), ("maxUnavailable", 1)):
                if rolling.get(field) is None:
                    rolling[field] = value
        if spec.get("revisionHistoryLimit") is None:
            spec["revisionHistoryLimit"] = 10

    async def prepare_create(self, obj: Object, ctx: Context) -> None:
        """Nothing scheduled; the template is the first."""
        counts = ("currentNumberScheduled", "desiredNumberScheduled", "numberMisscheduled")
        obj["status"] = dict.fromkeys((*counts, "numberReady"), 0)
        grow(obj, "metadata", "annotations")[GENERATION_ANNOTATION] = "1"

    async def prepare_update(self, obj: Object, old: Object, ctx: Context) -> None:
        """Counts the templates."""
        before = str(child(old, "metadata", "annotations").get(GENERATION_ANNOTATION, "1"))
        count = int(before) if before.isdecimal() else 1
        if child(obj, "spec", "template") != child(old, "spec", "template"):
            count += 1
        grow(obj, "metadata", "annotations")[GENERATION_ANNOTATION] = str(count)

    def validate(self, obj: Object, old: Object | None) -> list[FieldError]:
        """Selector, template, update strategy."""
        spec = child(obj, "spec")
        if old is not None and spec == child(old, "spec"):
            return []
        errors = validate_template_selector(spec, "empty selector is invalid for daemonset")
        errors += validate_template(spec)
        errors += validate_lasting(spec, "DaemonSet")
        errors += validate_not_negative(spec, "minReadySeconds", "revisionHistoryLimit")
        errors += _validate_update_strategy(child(spec, "updateStrategy"))
        if old is not None:
            errors += validate_selector_kept(spec, child(old, "spec"))
        return errors


def _validate_update_strategy(strategy: Object) -> list[FieldError]:
    if strategy.get("type") not in _STRATEGIES:
        return [not_supported("spec.updateStrategy.type", strategy.get("type"), _STRATEGIES)]
    if strategy["type"] == "OnDelete":
        return []
    path = "spec.updateStrategy.rollingUpdate"
    rolling = child(strategy, "rollingUpdate")
    surge, unavailable = rolling.get("maxSurge"), rolling.get("maxUnavailable")
    errors = validate_amount(unavailable, f"{path}.maxUnavailable", at_most_all=True)
    errors += validate_amount(surge, f"{path}.maxSurge", at_most_all=True)
    if errors:
        return errors
    if is_zero(unavailable) and is_zero(surge):
        return [required(f"{path}.maxUnavailable", "cannot be 0 when maxSurge is 0")]
    if not is_zero(unavailable) and not is_zero(surge):
        detail = "may not be set when maxUnavailable is non-zero"
        return [invalid_value(f"{path}.maxSurge", surge, detail)]
    return []
