"""StatefulSets and ControllerRevisions.

Sources: pkg/apis/apps/v1/defaults.go, pkg/apis/apps/validation/validation.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from controlplane.api.errors import (
    FieldError,
    field_forbidden,
    invalid_value,
    not_supported,
    required,
)
from controlplane.api.metadata import validate_labels
from controlplane.api.strategies.pod_template import (
    NOT_NEGATIVE,
    default_replicas,
    default_template,
    template_labels,
    validate_lasting,
    validate_not_negative,
    validate_template_selector,
)
from controlplane.api.strategies.tree import child, children, grow, number, set_default
from controlplane.api.strategies.volume_claim import default_claim
from controlplane.api.strategy import BaseStrategy

if TYPE_CHECKING:
    from controlplane.api.strategies.tree import Object
    from controlplane.api.strategy import Context

_POLICIES = ("OrderedReady", "Parallel")
_STRATEGIES = ("RollingUpdate", "OnDelete")
_RETENTION = ["Delete", "Retain"]
_MUTABLE = (
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
)
_IMMUTABLE = (
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
    "'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and "
    "'minReadySeconds' are forbidden"
)


class StatefulSetStrategy(BaseStrategy):
    """The rules of apps/v1 StatefulSets."""

    def default(self, obj: Object) -> None:
        """Fills in policies, limits, claim templates and the template."""
        spec = grow(obj, "spec")
        default_replicas(spec)
        default_template(spec)
        set_default(spec, "podManagementPolicy", "OrderedReady")
        strategy = grow(spec, "updateStrategy")
        set_default(strategy, "type", "RollingUpdate")
        if strategy["type"] == "RollingUpdate":
            rolling = grow(strategy, "rollingUpdate")
            if rolling.get("partition") is None:
                rolling["partition"] = 0
        retention = grow(spec, "persistentVolumeClaimRetentionPolicy")
        for field in ("whenDeleted", "whenScaled"):
            set_default(retention, field, "Retain")
        if spec.get("revisionHistoryLimit") is None:
            spec["revisionHistoryLimit"] = 10
        for claim in children(spec, "volumeClaimTemplates"):
            claim.update({"apiVersion": "v1", "kind": "PersistentVolumeClaim"})
            default_claim(claim)
            grow(claim, "status")["phase"] = "Pending"

    async def prepare_create(self, obj: Object, ctx: Context) -> None:
        """No status yet; what has no effect is said."""
        obj["status"] = {"replicas": 0, "availableReplicas": 0}
        _warn(child(obj, "spec"), ctx)

    def validate(self, obj: Object, old: Object | None) -> list[FieldError]:
        """Of the template only what belongs to the set: its pods are judged when made."""
        spec = child(obj, "spec")
        if old is not None and spec == child(old, "spec"):
            return []
        errors = _validate_policies(spec)
        errors += validate_not_negative(spec, "replicas", "minReadySeconds", "revisionHistoryLimit")
        start = number(child(spec, "ordinals").get("start"))
        if start is not None and start < 0:
            errors.append(invalid_value("spec.ordinals.start", start, NOT_NEGATIVE))
        errors += validate_template_selector(spec, "empty selector is invalid for statefulset")
        errors += validate_labels(template_labels(spec), "spec.template.labels")
        errors += validate_lasting(spec, "StatefulSet")
        return errors + (_validate_kept(spec, child(old, "spec")) if old is not None else [])


def _warn(spec: Object, ctx: Context) -> None:
    if children(spec, "volumeClaimTemplates"):
        ctx.warnings.append(
            "spec.volumeClaimTemplates: kubehop keeps the claims, but the volume of each is a "
            "directory that goes with its pod"
        )
    if child(spec, "updateStrategy", "rollingUpdate").get("maxUnavailable") is not None:
        ctx.warnings.append(
            "spec.updateStrategy.rollingUpdate.maxUnavailable: pods are updated one by one"
        )


def _validate_policies(spec: Object) -> list[FieldError]:
    errors = []
    policy = spec.get("podManagementPolicy")
    if policy not in _POLICIES:
        detail = f"must be '{_POLICIES[0]}' or '{_POLICIES[1]}'"
        errors.append(invalid_value("spec.podManagementPolicy", policy, detail))
    errors += _validate_update_strategy(child(spec, "updateStrategy"))
    retention = child(spec, "persistentVolumeClaimRetentionPolicy")
    for field in ("whenDeleted", "whenScaled"):
        if retention.get(field) not in _RETENTION:
            path = f"spec.persistentVolumeClaimRetentionPolicy.{field}"
            errors.append(not_supported(path, retention.get(field), _RETENTION))
    return errors


def _validate_update_strategy(strategy: Object) -> list[FieldError]:
    path = "spec.updateStrategy"
    if strategy.get("type") not in _STRATEGIES:
        detail = f"must be '{_STRATEGIES[0]}' or '{_STRATEGIES[1]}'"
        return [invalid_value(path, strategy, detail)]
    rolling = strategy.get("rollingUpdate")
    if strategy["type"] == "OnDelete":
        detail = "only allowed for updateStrategy 'RollingUpdate'"
        return [invalid_value(f"{path}.rollingUpdate", rolling, detail)] if rolling else []
    partition = number(child(strategy, "rollingUpdate").get("partition")) or 0
    if partition < 0:
        return [invalid_value(f"{path}.rollingUpdate.partition", partition, NOT_NEGATIVE)]
    return []


def _validate_kept(spec: Object, old: Object) -> list[FieldError]:
    def fixed(found: Object) -> Object:
        return {name: value for name, value in found.items() if name not in _MUTABLE}

    return [] if fixed(spec) == fixed(old) else [field_forbidden("spec", _IMMUTABLE)]


class ControllerRevisionStrategy(BaseStrategy):
    """A revision keeps what it was made of; only its number changes."""

    def validate(self, obj: Object, old: Object | None) -> list[FieldError]:
        """Data is there and stays, the number is none below zero."""
        errors = []
        if obj.get("data") is None:
            errors.append(required("data", "data is mandatory"))
        elif old is not None and obj["data"] != old.get("data"):
            errors.append(invalid_value("data", obj["data"], "field is immutable"))
        revision = number(obj.get("revision")) or 0
        if revision < 0:
            errors.append(invalid_value("revision", revision, NOT_NEGATIVE))
        return errors
