"""What a Job says of itself. Pure.

Source: Kubernetes pkg/controller/job/job_controller.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controlplane.api.metadata import timestamp
from controlplane.api.strategies.job_indexes import format_indexes
from controlplane.controllers.conditions import (
    is_active,
    is_finished,
    is_terminating,
    is_true,
    with_condition,
)
from controlplane.controllers.job_pods import has_backoff_per_index, is_indexed, is_tracked
from controlplane.controllers.job_tracking import settled

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from controlplane.controllers.job_outcome import Outcome
    from controlplane.controllers.job_tracking import Tally

Object = dict[str, Any]


def noted_status(status: Object, tally: Tally, outcome: Outcome | None, now: datetime) -> Object:
    """The status with all that has ended written down, before any pod is let go."""
    job = tally.job
    changed = dict(status)
    changed["uncountedTerminatedPods"] = tally.noted()
    if is_indexed(job):
        changed["succeeded"] = tally.succeeded
        changed["completedIndexes"] = format_indexes(tally.completed)
    if has_backoff_per_index(job):
        changed["failedIndexes"] = format_indexes(tally.failed_indexes)
    if outcome is not None and not is_true({"status": changed}, outcome.kind):
        changed = _with(changed, outcome.kind, "True", outcome.reason, outcome.message, now)
    return _tidy(_started(changed, job, now))


def _started(status: Object, job: Object, now: datetime) -> Object:
    """Suspended Jobs have no start; resumed ones start again."""
    suspended = is_true({"status": status}, "Suspended")
    if job["spec"].get("suspend"):
        status.pop("startTime", None)
        if not suspended:
            return _with(status, "Suspended", "True", "JobSuspended", "Job suspended", now)
        return status
    if suspended:
        status["startTime"] = timestamp(now)
        return _with(status, "Suspended", "False", "JobResumed", "Job resumed", now)
    status.setdefault("startTime", timestamp(now))
    return status


def final_status(
    status: Object, pods: Sequence[Object], outcome: Outcome | None, now: datetime
) -> Object:
    """The status with all pods counted that have been let go; with its end, if none is left."""
    tracked = {pod["metadata"]["uid"] for pod in pods if is_tracked(pod)}
    active = [pod for pod in pods if is_active(pod)]
    terminating = sum(is_terminating(pod) and not is_finished(pod) for pod in pods)
    changed = {
        **status,
        **settled(status, tracked),
        "active": len(active),
        "ready": sum(is_true(pod, "Ready") for pod in active),
        "terminating": terminating,
    }
    left = active or terminating or changed["uncountedTerminatedPods"] or tracked
    if outcome is not None and not left:
        reason, message = outcome.reason, outcome.message
        changed = _with(changed, outcome.terminal, "True", reason, message, now)
        if outcome.terminal == "Complete":
            changed["completionTime"] = timestamp(now)
    return _tidy(changed)


def _with(
    status: Object, kind: str, value: str, reason: str, message: str, now: datetime
) -> Object:
    entry = {
        "type": kind,
        "status": value,
        "reason": reason,
        "message": message,
        "lastProbeTime": timestamp(now),
    }
    return {**status, "conditions": with_condition(status.get("conditions") or [], entry, now)}


def _tidy(status: Object) -> Object:
    """Without what Go's JSON leaves out."""
    omitted = ("active", "succeeded", "failed", "completedIndexes")
    return {name: value for name, value in status.items() if value or name not in omitted}
