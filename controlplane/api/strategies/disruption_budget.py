"""PodDisruptionBudgets. Source: pkg/apis/policy/validation/validation.go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controlplane.api.errors import FieldError, invalid_value, not_supported
from controlplane.api.strategies.pod_template import validate_amount
from controlplane.api.strategies.selectors import validate_selector
from controlplane.api.strategies.tree import child
from controlplane.api.strategy import BaseStrategy

if TYPE_CHECKING:
    from controlplane.api.strategies.tree import Object
    from controlplane.api.strategy import Context

_POLICIES = ["AlwaysAllow", "IfHealthyBudget"]


class DisruptionBudgetStrategy(BaseStrategy):
    """The rules of policy/v1 PodDisruptionBudgets."""

    async def prepare_create(self, obj: Object, ctx: Context) -> None:
        """Nothing may be disrupted before the controller has looked."""
        counts = ("currentHealthy", "desiredHealthy", "disruptionsAllowed", "expectedPods")
        obj["status"] = dict.fromkeys(counts, 0)

    def validate(self, obj: Object, old: Object | None) -> list[FieldError]:
        """One of the two amounts, a well-formed selector, a known policy."""
        spec = child(obj, "spec")
        if old is not None and spec == child(old, "spec"):
            return []
        errors = []
        if spec.get("minAvailable") is not None and spec.get("maxUnavailable") is not None:
            detail = "minAvailable and maxUnavailable cannot be both set"
            errors.append(invalid_value("spec", spec, detail))
        for field in ("minAvailable", "maxUnavailable"):
            errors += validate_amount(spec.get(field), f"spec.{field}", at_most_all=True)
        policy = spec.get("unhealthyPodEvictionPolicy")
        if policy is not None and policy not in _POLICIES:
            errors.append(not_supported("spec.unhealthyPodEvictionPolicy", policy, _POLICIES))
        return errors + validate_selector(child(spec, "selector"), "spec.selector")
