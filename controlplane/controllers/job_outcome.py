"""Whether a Job has come to its end, and how. Pure.

Source: Kubernetes pkg/controller/job/job_controller.go and success_policy.go.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from controlplane.api.strategies.job_indexes import known_indexes
from controlplane.controllers.conditions import condition, is_active, is_true, parse_time
from controlplane.controllers.job_failure_policy import judge
from controlplane.controllers.job_pods import has_backoff_per_index, is_indexed, phase_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from controlplane.controllers.job_tracking import Tally

Object = dict[str, Any]
SUCCESS, FAILURE = "SuccessCriteriaMet", "FailureTarget"
"""What is decided at once; Complete or Failed follows when no pod is left."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`kind` is SUCCESS or FAILURE."""

    kind: str
    reason: str
    message: str

    @property
    def terminal(self) -> str:
        """The type of the last condition."""
        return "Complete" if self.kind == SUCCESS else "Failed"


def known_outcome(job: Object) -> Outcome | None:
    """What was decided before."""
    for kind in (SUCCESS, FAILURE):
        if is_true(job, kind):
            found = condition(job, kind) or {}
            return Outcome(kind, found.get("reason", ""), found.get("message", ""))
    return None


def is_finished_job(job: Object) -> bool:
    """Whether nothing will happen any more."""
    return is_true(job, "Complete") or is_true(job, "Failed")


def decide_outcome(tally: Tally, now: datetime) -> Outcome | None:
    """The end of the Job, if this is one. Failures go before success."""
    job, pods = tally.job, tally.pods
    return (
        known_outcome(job)
        or _failed_by_policy(tally)
        or _beyond_limits(tally, now)
        or _failed_indexes(tally)
        or _success_policy(tally)
        or _completed(tally, sum(map(is_active, pods)))
    )


def _failed_by_policy(tally: Tally) -> Outcome | None:
    for pod in tally.pods:
        if phase_of(pod) == "Failed":
            judgement = judge(tally.job, pod)
            if judgement.action == "FailJob":
                return Outcome(FAILURE, "PodFailurePolicy", judgement.message)
    return None


def _beyond_limits(tally: Tally, now: datetime) -> Outcome | None:
    spec = tally.job["spec"]
    limit = int(spec.get("backoffLimit", 6))
    if tally.failed > limit or _restarted_too_often(tally.job, tally.pods, limit):
        message = "Job has reached the specified backoff limit"
        return Outcome(FAILURE, "BackoffLimitExceeded", message)
    left_s = seconds_to_deadline(tally.job, now)
    if left_s is not None and left_s <= 0:
        message = "Job was active longer than specified deadline"
        return Outcome(FAILURE, "DeadlineExceeded", message)
    return None


def _restarted_too_often(job: Object, pods: Sequence[Object], limit: int) -> bool:
    if job["spec"]["template"]["spec"].get("restartPolicy") != "OnFailure":
        return False
    restarts = 0
    for pod in pods:
        if phase_of(pod) in ("Running", "Pending"):
            status = pod.get("status") or {}
            for field in ("initContainerStatuses", "containerStatuses"):
                restarts += sum(int(c.get("restartCount") or 0) for c in status.get(field) or ())
    return restarts > 0 if limit == 0 else restarts >= limit


def seconds_to_deadline(job: Object, now: datetime) -> float | None:
    """How much of activeDeadlineSeconds is left, None without a deadline or when suspended."""
    limit = job["spec"].get("activeDeadlineSeconds")
    started = parse_time((job.get("status") or {}).get("startTime"))
    if limit is None or started is None or job["spec"].get("suspend"):
        return None
    return (started + timedelta(seconds=limit) - now).total_seconds()


def _failed_indexes(tally: Tally) -> Outcome | None:
    job = tally.job
    if not has_backoff_per_index(job) or not tally.failed_indexes:
        return None
    most = job["spec"].get("maxFailedIndexes")
    if most is not None and len(tally.failed_indexes) > most:
        message = "Job has exceeded the specified maximal number of failed indexes"
        return Outcome(FAILURE, "MaxFailedIndexesExceeded", message)
    if len(tally.failed_indexes) + len(tally.completed) >= job["spec"]["completions"]:
        return Outcome(FAILURE, "FailedIndexes", "Job has failed indexes")
    return None


def _success_policy(tally: Tally) -> Outcome | None:
    if not is_indexed(tally.job):
        return None
    limit = int(tally.job["spec"].get("completions") or 0)
    rules = (tally.job["spec"].get("successPolicy") or {}).get("rules") or ()
    for number, rule in enumerate(rules):
        wanted = known_indexes(rule.get("succeededIndexes") or "", limit) or set(range(limit))
        count = rule.get("succeededCount")
        needed = len(wanted) if count is None else count
        if len(wanted & tally.completed) >= needed:
            return Outcome(SUCCESS, "SuccessPolicy", f"Matched rules at index {number}")
    return None


def _completed(tally: Tally, active: int) -> Outcome | None:
    completions = tally.job["spec"].get("completions")
    if completions is None:
        complete = tally.succeeded > 0 and active == 0
    else:
        complete = tally.succeeded >= completions and active == 0
    if not complete:
        return None
    message = "Reached expected number of succeeded pods"
    return Outcome(SUCCESS, "CompletionsReached", message)
