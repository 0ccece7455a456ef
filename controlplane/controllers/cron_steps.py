"""When a CronJob starts its next Job, and which of its Jobs have had their time. Pure.

Source: Kubernetes pkg/controller/cronjob (cronjob_controllerv2.go, utils.go).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from controlplane.api.objects import copy_json
from controlplane.controllers.conditions import is_true, owner_reference, parse_time
from controlplane.controllers.job_outcome import is_finished_job

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from controlplane.api.strategies.cron_schedule import Schedule

Object = dict[str, Any]
SCHEDULED = "batch.kubernetes.io/cronjob-scheduled-timestamp"
_MANY = 100


@dataclass(frozen=True, slots=True)
class Due:
    """The latest moment at which a Job should have started, if any; what was missed."""

    at: datetime | None = None
    missed: int = 0
    """How many, if alarmingly many."""


def due(cron: Object, schedule: Schedule, now: datetime) -> Due:
    """Whether a Job is to start now."""
    earliest, deadline = _earliest(cron), _deadline(cron)
    since = earliest if deadline is None else max(earliest, now - deadline)
    at = schedule.latest(since, now)
    if at is None:
        return Due()
    first = schedule.after(since)
    second = schedule.after(first) if first else None
    missed = 0
    if first and second and deadline is None:
        interval_s = max((second - first).total_seconds(), 1.0)
        missed = int((now - first).total_seconds() // interval_s) + 1
    return Due(at, missed=missed if missed > _MANY else 0)


def _earliest(cron: Object) -> datetime:
    last = parse_time((cron.get("status") or {}).get("lastScheduleTime"))
    made = parse_time(cron["metadata"]["creationTimestamp"])
    assert made is not None, "the API stamps every object"
    return last or made


def _deadline(cron: Object) -> timedelta | None:
    seconds = cron["spec"].get("startingDeadlineSeconds")
    return None if seconds is None else timedelta(seconds=seconds)


def job_name(cron: Object, at: datetime) -> str:
    """The same for the same moment: a Job is never started twice."""
    return f"{cron['metadata']['name']}-{int(at.timestamp()) // 60}"


def new_job(cron: Object, at: datetime) -> Object:
    """The Job of that moment."""
    template = copy_json(cron["spec"]["jobTemplate"])
    about = template.get("metadata") or {}
    zone = cron["spec"].get("timeZone")
    local = at.astimezone(ZoneInfo(zone)) if zone else at
    scheduled = local.isoformat(timespec="seconds").replace("+00:00", "Z")
    metadata = {
        "name": job_name(cron, at),
        "namespace": cron["metadata"]["namespace"],
        "labels": about.get("labels") or {},
        "annotations": {**(about.get("annotations") or {}), SCHEDULED: scheduled},
        "ownerReferences": [owner_reference(cron, cron["apiVersion"], cron["kind"])],
    }
    return {"metadata": metadata, "spec": template["spec"]}


def had_their_time(cron: Object, jobs: Sequence[Object]) -> list[Object]:
    """Finished Jobs beyond the history limits, oldest first."""
    gone: list[Object] = []
    for kind, field, default in (
        ("Complete", "successfulJobsHistoryLimit", 3),
        ("Failed", "failedJobsHistoryLimit", 1),
    ):
        limit = int(cron["spec"].get(field, default))
        ended = sorted((job for job in jobs if is_true(job, kind)), key=_started)
        gone += ended[: max(len(ended) - limit, 0)]
    return gone


def _started(job: Object) -> tuple[str, str]:
    return (job.get("status") or {}).get("startTime") or "", job["metadata"]["name"]


def reference_to(job: Object) -> Object:
    """How a CronJob lists an active Job."""
    about = job["metadata"]
    kept = {name: about.get(name) for name in ("name", "namespace", "uid", "resourceVersion")}
    return {"apiVersion": job["apiVersion"], "kind": job["kind"], **kept}


@dataclass(frozen=True, slots=True)
class Activity:
    """What has become of a CronJob's Jobs since the last look."""

    active: tuple[Object, ...]
    """References, for the status."""
    finished: tuple[Object, ...]
    unexpected: tuple[Object, ...]
    missing: tuple[str, ...]
    """Names."""
    last_success: str | None


def activity(cron: Object, jobs: Sequence[Object]) -> Activity:
    """Compares `status.active` with the Jobs that there are."""
    status = cron.get("status") or {}
    listed = {entry["uid"]: entry for entry in status.get("active") or ()}
    present = {job["metadata"]["uid"]: job for job in jobs}
    running = {uid for uid, job in present.items() if not is_finished_job(job)}
    successes = [
        (job.get("status") or {}).get("completionTime") for job in jobs if is_true(job, "Complete")
    ]
    known = [moment for moment in (status.get("lastSuccessfulTime"), *successes) if moment]
    return Activity(
        active=tuple(entry for uid, entry in listed.items() if uid in running),
        finished=tuple(present[uid] for uid in listed if uid in present and uid not in running),
        unexpected=tuple(job for uid, job in present.items() if uid in running - listed.keys()),
        missing=tuple(entry["name"] for uid, entry in listed.items() if uid not in present),
        last_success=max(known, default=None),
    )
