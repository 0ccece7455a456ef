"""ReplicationControllers. Sources: pkg/apis/core/v1/defaults.go, pkg/apis/core/validation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controlplane.api.errors import FieldError, required
from controlplane.api.metadata import validate_labels
from controlplane.api.strategies.pod_template import (
    default_replicas,
    default_template,
    selector_mismatch,
    template_labels,
    validate_lasting,
    validate_not_negative,
    validate_template,
)
from controlplane.api.strategies.selectors import matches_all
from controlplane.api.strategies.tree import child, grow
from controlplane.api.strategy import BaseStrategy

if TYPE_CHECKING:
    from controlplane.api.strategies.tree import Object
    from controlplane.api.strategy import Context


class ReplicationControllerStrategy(BaseStrategy):
    """The rules of core/v1 ReplicationControllers: the selector is a plain map."""

    default_propagation: str | None = "Orphan"

    def default(self, obj: Object) -> None:
        """One replica; selector and labels are those of the template."""
        spec = grow(obj, "spec")
        default_replicas(spec)
        default_template(spec)
        labels = template_labels(spec)
        if labels and not spec.get("selector"):
            spec["selector"] = dict(labels)
        if labels and not obj["metadata"].get("labels"):
            obj["metadata"]["labels"] = dict(labels)

    async def prepare_create(self, obj: Object, ctx: Context) -> None:
        """No replicas yet."""
        obj["status"] = {"replicas": 0}

    def validate(self, obj: Object, old: Object | None) -> list[FieldError]:
        """Replicas, the selector against the template, the template."""
        spec = child(obj, "spec")
        if old is not None and spec == child(old, "spec"):
            return []
        errors = validate_not_negative(spec, "replicas", "minReadySeconds")
        selector = child(spec, "selector")
        if not selector:
            errors.append(required("spec.selector"))
        elif not matches_all(selector, template_labels(spec)):
            errors.append(selector_mismatch(template_labels(spec)))
        errors += validate_labels(selector, "spec.selector")
        errors += validate_template(spec)
        return errors + validate_lasting(spec, "ReplicationController")
