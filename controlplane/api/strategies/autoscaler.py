"""HorizontalPodAutoscalers. Sources: pkg/apis/autoscaling/v2/defaults.go, validation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controlplane.api.errors import FieldError, invalid_value, required
from controlplane.api.strategies.tree import child, grow, number
from controlplane.api.strategy import BaseStrategy

if TYPE_CHECKING:
    from controlplane.api.strategies.tree import Object
    from controlplane.api.strategy import Context

WITHOUT_EFFECT = "nothing is scaled by it: kubehop measures no metrics of pods"
_DEFAULT_CPU_PERCENT = 80


class AutoscalerStrategy(BaseStrategy):
    """The rules of autoscaling/v2: what is kept is well-formed, and has no effect."""

    def default(self, obj: Object) -> None:
        """One replica at least, at 80% of the CPU."""
        spec = grow(obj, "spec")
        if spec.get("minReplicas") is None:
            spec["minReplicas"] = 1
        if not spec.get("metrics"):
            target = {"type": "Utilization", "averageUtilization": _DEFAULT_CPU_PERCENT}
            resource = {"name": "cpu", "target": target}
            spec["metrics"] = [{"type": "Resource", "resource": resource}]

    async def prepare_create(self, obj: Object, ctx: Context) -> None:
        """Nothing measured."""
        obj["status"] = {"currentMetrics": None, "desiredReplicas": 0}

    def validate(self, obj: Object, old: Object | None) -> list[FieldError]:
        """The target and the limits."""
        spec = child(obj, "spec")
        errors = [
            required(f"spec.scaleTargetRef.{field}")
            for field in ("kind", "name")
            if not child(spec, "scaleTargetRef").get(field)
        ]
        least, most = number(spec.get("minReplicas")) or 0, number(spec.get("maxReplicas")) or 0
        if least < 1:
            detail = "must be greater than or equal to 1"
            errors.append(invalid_value("spec.minReplicas", least, detail))
        if most < 1:
            errors.append(invalid_value("spec.maxReplicas", most, "must be greater than 0"))
        elif most < least:
            detail = "must be greater than or equal to `minReplicas`"
            errors.append(invalid_value("spec.maxReplicas", most, detail))
        return errors
