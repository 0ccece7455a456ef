"""Jobs. Sources: pkg/apis/batch/v1/defaults.go, validation, pkg/registry/batch/job/strategy.go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controlplane.api.errors import FieldError, invalid_value, required
from controlplane.api.objects import copy_json
from controlplane.api.strategies.job_template import default_job_spec, validate_job_spec
from controlplane.api.strategies.names import dns_label
from controlplane.api.strategies.pod_template import (
    default_template,
    selector_mismatch,
    template_labels,
)
from controlplane.api.strategies.selectors import selector_matches, validate_selector
from controlplane.api.strategies.tree import child, grow, number
from controlplane.api.strategy import BaseStrategy

if TYPE_CHECKING:
    from controlplane.api.strategies.tree import Object
    from controlplane.api.strategy import Context

CONTROLLER_UID = "batch.kubernetes.io/controller-uid"
_JOB_NAME = "batch.kubernetes.io/job-name"
_LEGACY_UID, _LEGACY_NAME = "controller-uid", "job-name"
_IMMUTABLE = (
    "selector",
    "completionMode",
    "podFailurePolicy",
    "backoffLimitPerIndex",
    "managedBy",
    "successPolicy",
)
_SCHEDULING = ("nodeSelector", "tolerations", "schedulingGates")


class JobStrategy(BaseStrategy):
    """The rules of batch/v1 Jobs."""

    default_propagation: str | None = "Orphan"

    def default(self, obj: Object) -> None:
        """Fills in numbers, modes and the template; labels are those of the template."""
        spec = grow(obj, "spec")
        default_template(spec)
        default_job_spec(spec)
        labels = template_labels(spec)
        if labels and not obj["metadata"].get("labels"):
            obj["metadata"]["labels"] = dict(labels)

    async def prepare_create(self, obj: Object, ctx: Context) -> None:
        """No status; a selector of its own, unless the user brings one."""
        obj["status"] = {}
        spec = grow(obj, "spec")
        if spec.get("manualSelector") is not True:
            _generate_selector(obj, spec)
            self.default(obj)
        name = str(obj["metadata"].get("name", ""))
        if dns_label(name):
            ctx.warnings.append(
                "metadata.name: this is used in Pod names and hostnames, which can result in "
                f"surprising behavior; a DNS label is recommended: {dns_label(name)}"
            )

    def validate(self, obj: Object, old: Object | None) -> list[FieldError]:
        """The spec, the selector, and what must not change."""
        spec = child(obj, "spec")
        if old is not None and spec == child(old, "spec"):
            return []
        errors = _validate_selector(obj, spec)
        errors += validate_job_spec(spec, "spec")
        if old is None:
            return errors + _validate_name(obj, spec)
        return errors + _validate_update(spec, child(old, "spec"), _may_move(old))


def _generate_selector(obj: Object, spec: Object) -> None:
    """pkg/registry/batch/job/strategy.go, generateSelector."""
    uid, name = obj["metadata"]["uid"], obj["metadata"].get("name", "")
    labels = grow(spec, "template", "metadata", "labels")
    for key, value in ((_LEGACY_UID, uid), (_LEGACY_NAME, name)):
        labels.setdefault(key, value)
    labels |= {CONTROLLER_UID: uid, _JOB_NAME: name}
    if spec.get("selector") is None:
        spec["selector"] = {}
    grow(spec, "selector", "matchLabels")[CONTROLLER_UID] = uid


def _validate_selector(obj: Object, spec: Object) -> list[FieldError]:
    selector = spec.get("selector")
    if not isinstance(selector, dict):
        return [required("spec.selector")]
    errors = validate_selector(selector, "spec.selector")
    labels = template_labels(spec)
    about = child(obj, "metadata")
    uid, name = about.get("uid"), about.get("name")
    own = {CONTROLLER_UID: uid, _JOB_NAME: name, _LEGACY_UID: uid, _LEGACY_NAME: name}
    if spec.get("manualSelector") is not True:
        at = "spec.template.metadata.labels"
        for key, value in own.items():
            if labels.get(key) != value:
                detail = f"must be '{value}'"
                errors.append(invalid_value(f"{at}[{key}]", labels.get(key), detail))
        if not selector_matches(selector, own):
            detail = "`selector` not auto-generated"
            errors.append(invalid_value("spec.selector", selector, detail))
    if not selector_matches(selector, labels):
        errors.append(selector_mismatch(labels))
    return errors


def _validate_name(obj: Object, spec: Object) -> list[FieldError]:
    completions = number(spec.get("completions")) or 0
    if spec.get("completionMode") != "Indexed" or completions < 1:
        return []
    name = str(obj["metadata"].get("name", ""))
    hostname = f"{name}-{completions - 1}"
    if not dns_label(hostname):
        return []
    detail = f"will not able to create pod with invalid DNS label: {hostname}"
    return [invalid_value("metadata.name", name, detail)]


def _may_move(old: Object) -> bool:
    """Where pods are placed may change as long as none was ever started."""
    suspended = child(old, "spec").get("suspend") is True
    return suspended and not child(old, "status").get("startTime")


def _validate_update(spec: Object, old: Object, movable: bool) -> list[FieldError]:
    fixed = list(_IMMUTABLE)
    errors = []
    completions = spec.get("completions")
    if spec.get("completionMode") != "Indexed":
        fixed.append("completions")
    elif completions != old.get("completions") and completions != spec.get("parallelism"):
        detail = "can only be modified in tandem with spec.parallelism"
        errors.append(invalid_value("spec.completions", completions, detail))
    for field in fixed:
        if spec.get(field) != old.get(field):
            errors.append(invalid_value(f"spec.{field}", spec.get(field), "field is immutable"))
    template, before = child(spec, "template"), child(old, "template")
    if movable:
        template, before = _without_scheduling(template), _without_scheduling(before)
    if template != before:
        errors.append(invalid_value("spec.template", child(spec, "template"), "field is immutable"))
    return errors


def _without_scheduling(template: Object) -> Object:
    bare: Object = copy_json(template)
    for field in ("labels", "annotations"):
        child(bare, "metadata").pop(field, None)
    spec = child(bare, "spec")
    for field in _SCHEDULING:
        spec.pop(field, None)
    affinity = child(spec, "affinity")
    affinity.pop("nodeAffinity", None)
    if not affinity:
        spec.pop("affinity", None)
    return bare
