"""Pod templates of workloads: defaults and the rules that all kinds share.

Sources: Kubernetes pkg/apis/apps/v1/defaults.go, pkg/apis/apps/validation,
pkg/apis/core/validation (ValidatePodTemplateSpec).
"""

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
from controlplane.api.strategies.tree import child, grow, number

if TYPE_CHECKING:
    from controlplane.api.strategies.tree import Object

NOT_NEGATIVE = "must be greater than or equal to 0"
_PERCENT = re.compile(r"[0-9]+%")
_TEMPLATE = "spec.template"


def default_template(spec: Object) -> None:
    """Fills in `spec.template`."""
    template = grow(spec, "template")
    grow(template, "metadata")
    default_pod_spec(grow(template, "spec"))


def default_replicas(spec: Object) -> None:
    """One replica, if nobody says how many."""
    if spec.get("replicas") is None:
        spec["replicas"] = 1


def template_labels(spec: Object) -> Object:
    """The labels that pods of `spec.template` get."""
    return child(spec, "template", "metadata", "labels")


def validate_not_negative(spec: Object, *fields: str) -> list[FieldError]:
    """What is wrong with numbers directly in the spec."""
    errors = []
    for field in fields:
        value = number(spec.get(field))
        if value is not None and value < 0:
            errors.append(invalid_value(f"spec.{field}", value, NOT_NEGATIVE))
    return errors


def validate_template_selector(spec: Object, empty: str) -> list[FieldError]:
    """A selector has to be there, to be well-formed and to match the template.

    `empty` is what to say of one that selects everything.
    """
    selector = spec.get("selector")
    if not isinstance(selector, dict):
        return [required("spec.selector")]
    errors = validate_selector(selector, "spec.selector")
    labels = template_labels(spec)
    if is_empty(selector):
        errors.append(invalid_value("spec.selector", selector, empty))
    elif not selector_matches(selector, labels):
        errors.append(selector_mismatch(labels))
    return errors


def selector_mismatch(labels: Object) -> FieldError:
    """The template's pods would not be selected."""
    detail = "`selector` does not match template `labels`"
    return invalid_value(f"{_TEMPLATE}.metadata.labels", labels, detail)


def validate_template(spec: Object) -> list[FieldError]:
    """What is wrong with the template's labels and pods, wherever it is used."""
    errors = validate_labels(template_labels(spec), f"{_TEMPLATE}.labels")
    return errors + validate_pod_spec(child(spec, "template", "spec"), f"{_TEMPLATE}.spec")


def validate_lasting(spec: Object, kind: str) -> list[FieldError]:
    """Pods that are to run for ever: always restarted and without a deadline."""
    template = child(spec, "template", "spec")
    errors = []
    policy = template.get("restartPolicy")
    if policy in ("OnFailure", "Never"):
        errors.append(not_supported(f"{_TEMPLATE}.spec.restartPolicy", policy, ["Always"]))
    if template.get("activeDeadlineSeconds") is not None:
        detail = f"activeDeadlineSeconds in {kind} is not Supported"
        errors.append(field_forbidden(f"{_TEMPLATE}.spec.activeDeadlineSeconds", detail))
    return errors


def validate_selector_kept(spec: Object, old: Object) -> list[FieldError]:
    """A selector never changes."""
    selector = spec.get("selector")
    if selector == old.get("selector"):
        return []
    return [invalid_value("spec.selector", selector, "field is immutable")]


def is_zero(amount: Any) -> bool:
    """Whether an int-or-percent is nothing, of whatever total."""
    return isinstance(amount, str | int) and str(amount).strip("%").strip("0") == ""


def validate_amount(amount: Any, path: str, *, at_most_all: bool = False) -> list[FieldError]:
    """What is wrong with an int-or-percent; `at_most_all`: of percentages up to 100 only."""
    if isinstance(amount, str):
        if not _PERCENT.fullmatch(amount):
            detail = (
                "a valid percent string must be a numeric string followed by an ending '%' "
                "(e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')"
            )
            return [invalid_value(path, amount, detail)]
        over = at_most_all and int(amount[:-1]) > 100
        return [invalid_value(path, amount, "must not be greater than 100%")] if over else []
    value = number(amount)
    return [invalid_value(path, value, NOT_NEGATIVE)] if value is not None and value < 0 else []
