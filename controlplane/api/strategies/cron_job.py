"""CronJobs. Sources: pkg/apis/batch/v1/defaults.go, pkg/apis/batch/validation/validation.go."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from controlplane.api.errors import FieldError, invalid_value, not_supported, required
from controlplane.api.strategies.cron_schedule import parse_schedule, parse_zone
from controlplane.api.strategies.job_template import validate_job_spec
from controlplane.api.strategies.pod_template import default_template, validate_not_negative
from controlplane.api.strategies.tree import child, grow, set_default
from controlplane.api.strategy import BaseStrategy
from netcore.model.errors import ConfigError

if TYPE_CHECKING:
    from controlplane.api.strategies.tree import Object
    from controlplane.api.strategy import Context

_POLICIES = ["Allow", "Forbid", "Replace"]
_MAX_NAME = 52
"""Names of Jobs have 11 characters more, and at most 63."""
_ZONE_PART = re.compile(r"(?!-)[A-Za-z._0-9+-]{1,14}")


class CronJobStrategy(BaseStrategy):
    """The rules of batch/v1 CronJobs."""

    def default(self, obj: Object) -> None:
        """Fills in policy, limits and the pods' template."""
        spec = grow(obj, "spec")
        set_default(spec, "concurrencyPolicy", "Allow")
        limits = (("successfulJobsHistoryLimit", 3), ("failedJobsHistoryLimit", 1))
        for field, value in (("suspend", False), *limits):
            if spec.get(field) is None:
                spec[field] = value
        grow(spec, "jobTemplate", "metadata")
        default_template(grow(spec, "jobTemplate", "spec"))

    async def prepare_create(self, obj: Object, ctx: Context) -> None:
        """No status yet."""
        obj["status"] = {}

    def validate(self, obj: Object, old: Object | None) -> list[FieldError]:
        """Schedule, time zone, limits, and the Jobs that come of it."""
        spec = child(obj, "spec")
        if old is not None and spec == child(old, "spec"):
            return []
        errors = _validate_schedule(spec)
        errors += _validate_zone(spec)
        limits = ("successfulJobsHistoryLimit", "failedJobsHistoryLimit")
        errors += validate_not_negative(spec, "startingDeadlineSeconds", *limits)
        policy = spec.get("concurrencyPolicy")
        if policy not in _POLICIES:
            errors.append(not_supported("spec.concurrencyPolicy", policy, _POLICIES))
        errors += _validate_job_template(child(spec, "jobTemplate", "spec"))
        name = str(child(obj, "metadata").get("name", ""))
        if old is None and len(name) > _MAX_NAME:
            detail = f"must be no more than {_MAX_NAME} characters"
            errors.append(invalid_value("metadata.name", name, detail))
        return errors


def _validate_schedule(spec: Object) -> list[FieldError]:
    schedule = str(spec.get("schedule") or "")
    if not schedule:
        return [required("spec.schedule")]
    if "TZ" in schedule:
        detail = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
        return [invalid_value("spec.schedule", schedule, detail)]
    try:
        parse_schedule(schedule)
    except ConfigError as error:
        return [invalid_value("spec.schedule", schedule, str(error))]
    return []


def _validate_zone(spec: Object) -> list[FieldError]:
    name = spec.get("timeZone")
    if name is None:
        return []
    path = "spec.timeZone"
    if not name:
        return [invalid_value(path, name, "timeZone must be nil or non-empty string")]
    if any(part in (".", "..") or not _ZONE_PART.fullmatch(part) for part in name.split("/")):
        return [invalid_value(path, name, f"unknown time zone {name}")]
    if name.lower() == "local":
        detail = (
            "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"
        )
        return [invalid_value(path, name, detail)]
    try:
        parse_zone(name)
    except ConfigError as error:
        return [invalid_value(path, name, str(error))]
    return []


def _validate_job_template(spec: Object) -> list[FieldError]:
    path = "spec.jobTemplate.spec"
    errors = validate_job_spec(spec, path)
    if spec.get("selector") is not None:
        detail = "`selector` will be auto-generated"
        errors.append(invalid_value(f"{path}.selector", spec["selector"], detail))
    if spec.get("manualSelector") is True:
        errors.append(not_supported(f"{path}.manualSelector", True, ["nil", "false"]))
    return errors
