"""The spec of a Job, for itself and as the template of a CronJob: defaults and rules.

Sources: pkg/apis/batch/v1/defaults.go, pkg/apis/batch/validation/validation.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from controlplane.api.errors import FieldError, invalid_value, not_supported, required
from controlplane.api.metadata import validate_labels
from controlplane.api.strategies.job_policies import (
    validate_failure_policy,
    validate_success_policy,
)
from controlplane.api.strategies.pod_template import NOT_NEGATIVE, template_labels
from controlplane.api.strategies.pod_validation import validate_pod_spec
from controlplane.api.strategies.tree import child, number

if TYPE_CHECKING:
    from controlplane.api.strategies.tree import Object

MOST_PODS = 2**31 - 1
_MAX_INDEXED_PARALLELISM = 100_000
_MODES = ["NonIndexed", "Indexed"]
_REPLACEMENT = ["Failed", "TerminatingOrFailed"]
_NUMBERS = (
    "parallelism",
    "completions",
    "activeDeadlineSeconds",
    "backoffLimit",
    "ttlSecondsAfterFinished",
    "backoffLimitPerIndex",
    "maxFailedIndexes",
)


def default_job_spec(spec: Object) -> None:
    """What a Job gets; a CronJob's template gets it only once it becomes a Job."""
    if spec.get("completions") is None and spec.get("parallelism") is None:
        spec["completions"] = 1
    failures = 6 if spec.get("backoffLimitPerIndex") is None else MOST_PODS
    replacement = "Failed" if spec.get("podFailurePolicy") else "TerminatingOrFailed"
    defaults = {
        "parallelism": 1,
        "backoffLimit": failures,
        "completionMode": "NonIndexed",
        "suspend": False,
        "manualSelector": False,
        "podReplacementPolicy": replacement,
    }
    for field, value in defaults.items():
        if spec.get(field) is None:
            spec[field] = value


def validate_job_spec(spec: Object, path: str) -> list[FieldError]:
    """What is wrong besides the selector."""
    errors = []
    for field in _NUMBERS:
        value = number(spec.get(field))
        if value is not None and value < 0:
            errors.append(invalid_value(f"{path}.{field}", value, NOT_NEGATIVE))
    errors += _validate_completion(spec, path)
    if spec.get("podFailurePolicy"):
        errors += validate_failure_policy(spec, f"{path}.podFailurePolicy")
    if spec.get("successPolicy"):
        errors += validate_success_policy(spec, f"{path}.successPolicy")
    errors += _validate_replacement(spec, path)
    return errors + _validate_template(spec, path)


def _validate_completion(spec: Object, path: str) -> list[FieldError]:
    mode = spec.get("completionMode") or "NonIndexed"
    if mode not in _MODES:
        return [not_supported(f"{path}.completionMode", mode, _MODES)]
    errors = []
    if spec.get("maxFailedIndexes") is not None and spec.get("backoffLimitPerIndex") is None:
        detail = "when maxFailedIndexes is specified"
        errors.append(required(f"{path}.backoffLimitPerIndex", detail))
    if mode == "NonIndexed":
        return errors + [
            invalid_value(f"{path}.{field}", spec[field], "requires indexed completion mode")
            for field in ("backoffLimitPerIndex", "maxFailedIndexes")
            if spec.get(field) is not None
        ]
    completions = number(spec.get("completions"))
    if completions is None:
        errors.append(required(f"{path}.completions", "when completion mode is Indexed"))
    parallelism, failed = number(spec.get("parallelism")), number(spec.get("maxFailedIndexes"))
    if parallelism is not None and parallelism > _MAX_INDEXED_PARALLELISM:
        detail = (
            f"must be less than or equal to {_MAX_INDEXED_PARALLELISM} when completion mode is "
            "Indexed"
        )
        errors.append(invalid_value(f"{path}.parallelism", parallelism, detail))
    if completions is not None and failed is not None and failed > completions:
        detail = "must be less than or equal to completions"
        errors.append(invalid_value(f"{path}.maxFailedIndexes", failed, detail))
    return errors


def _validate_replacement(spec: Object, path: str) -> list[FieldError]:
    policy = spec.get("podReplacementPolicy")
    supported = ["Failed"] if spec.get("podFailurePolicy") else _REPLACEMENT
    if policy is None or policy in supported:
        return []
    return [not_supported(f"{path}.podReplacementPolicy", policy, supported)]


def _validate_template(spec: Object, path: str) -> list[FieldError]:
    template = child(spec, "template", "spec")
    errors = validate_labels(template_labels(spec), f"{path}.template.labels")
    errors += validate_pod_spec(template, f"{path}.template.spec")
    at = f"{path}.template.spec.restartPolicy"
    policy = template.get("restartPolicy")
    if policy in ("Always", "", None):
        errors.append(required(at, 'valid values: "OnFailure", "Never"'))
    elif spec.get("podFailurePolicy") and policy == "OnFailure":
        detail = 'only "Never" is supported when podFailurePolicy is specified'
        errors.append(invalid_value(at, policy, detail))
    return errors
