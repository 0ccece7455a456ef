"""Starts Jobs by the clock, and forgets old ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controlplane.api.errors import StatusError
from controlplane.api.metadata import timestamp
from controlplane.api.strategies.cron_schedule import parse_schedule, parse_zone
from controlplane.controllers.conditions import controller_of, is_terminating, is_true
from controlplane.controllers.controller import Controller
from controlplane.controllers.cron_steps import (
    activity,
    due,
    had_their_time,
    job_name,
    new_job,
    reference_to,
)
from controlplane.controllers.informer import Key, key_of
from controlplane.controllers.pod_control import is_namespace_ending
from controlplane.controllers.recorder import involved
from netcore.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from controlplane.api.client import Client
    from controlplane.api.strategies.cron_schedule import Schedule
    from controlplane.controllers.informer import Informers
    from controlplane.controllers.recorder import EventRecorder

Object = dict[str, Any]
RESOURCE, JOBS = "cronjobs.batch", "jobs.batch"
_COMPONENT = "cronjob-controller"


class CronJobController(Controller[Key]):
    """Keys are CronJobs; each comes up again at its next moment."""

    name = "cronjob"

    def __init__(
        self,
        client: Client,
        informers: Informers,
        recorder: EventRecorder,
        now: Callable[[], datetime],
    ) -> None:
        super().__init__()
        self._client = client
        self._recorder = recorder
        self._now = now
        informers.of(RESOURCE).subscribe(self._cron_changed)
        informers.of(JOBS).subscribe(self._job_changed)

    def _cron_changed(self, old: Object | None, new: Object | None) -> None:
        if new is not None:
            self.queue.add(key_of(new))

    def _job_changed(self, old: Object | None, new: Object | None) -> None:
        for job in (old, new):
            owner = controller_of(job) if job else None
            if job and owner and owner.get("kind") == "CronJob":
                self.queue.add((job["metadata"]["namespace"], owner["name"]))

    async def reconcile(self, key: Key) -> None:
        """Takes note of the Jobs, starts the one that is due."""
        namespace, name = key
        try:
            cron = await self._client.get(RESOURCE, name, namespace)
        except StatusError as error:
            if error.reason != "NotFound":
                raise
            return
        jobs = await self._own_jobs(cron)
        cron = await self._take_note(cron, jobs)
        for job in had_their_time(cron, jobs):
            await self._delete(cron, job)
        if not is_terminating(cron) and not cron["spec"].get("suspend"):
            await self._run(cron, jobs)

    async def _own_jobs(self, cron: Object) -> list[Object]:
        jobs, _ = await self._client.list(JOBS, cron["metadata"]["namespace"])
        uid = cron["metadata"]["uid"]
        return [job for job in jobs if (controller_of(job) or {}).get("uid") == uid]

    async def _take_note(self, cron: Object, jobs: Sequence[Object]) -> Object:
        seen = activity(cron, jobs)
        for job in seen.unexpected:
            name = job["metadata"]["name"]
            message = f"Saw a job that the controller did not create or forgot: {name}"
            self._say(cron, "Warning", "UnexpectedJob", message)
        for name in seen.missing:
            self._say(cron, "Normal", "MissingJob", f"Active job went missing: {name}")
        for job in seen.finished:
            how = "Complete" if is_true(job, "Complete") else "Failed"
            message = f"Saw completed job: {job['metadata']['name']}, condition: {how}"
            self._say(cron, "Normal", "SawCompletedJob", message)

        def note(status: Object) -> None:
            _set(status, "active", list(seen.active))
            _set(status, "lastSuccessfulTime", seen.last_success)

        return await self._write_status(cron, note)

    async def _run(self, cron: Object, jobs: Sequence[Object]) -> None:
        schedule = self._schedule(cron)
        if schedule is None:
            return
        now = self._now()
        found = due(cron, schedule, now)
        if found.missed:
            message = (
                f"too many missed start times: {found.missed}. Set or decrease "
                ".spec.startingDeadlineSeconds or check clock skew"
            )
            self._say(cron, "Warning", "TooManyMissedTimes", message)
        if found.at is not None:
            await self._start(cron, found.at, jobs)
        following = schedule.after(now)
        if following is not None:
            self.queue.add_after(key_of(cron), (following - self._now()).total_seconds())

    def _schedule(self, cron: Object) -> Schedule | None:
        spec = cron["spec"]
        try:
            zone = parse_zone(spec.get("timeZone"))
        except ConfigError as error:
            message = f'invalid timeZone: "{spec["timeZone"]}": {error}'
            self._say(cron, "Warning", "UnknownTimeZone", message)
            return None
        try:
            return parse_schedule(spec["schedule"], zone)
        except ConfigError as error:
            message = f'unparseable schedule: "{spec["schedule"]}" : {error}'
            self._say(cron, "Warning", "UnparseableSchedule", message)
            return None

    async def _start(self, cron: Object, at: datetime, jobs: Sequence[Object]) -> None:
        active = {entry["uid"] for entry in (cron.get("status") or {}).get("active") or ()}
        policy = cron["spec"].get("concurrencyPolicy", "Allow")
        if active and policy == "Forbid":
            message = (
                "Not starting job because prior execution is running and concurrency policy is "
                "Forbid"
            )
            self._say(cron, "Normal", "JobAlreadyActive", message)
            return
        if policy == "Replace":
            for job in [job for job in jobs if job["metadata"]["uid"] in active]:
                await self._delete(cron, job)
        job = await self._create(cron, at)

        def note(status: Object) -> None:
            kept = [] if policy == "Replace" else status.get("active") or []
            references = [entry for entry in kept if entry["uid"] != job["metadata"]["uid"]]
            status["active"] = [*references, reference_to(job)]
            status["lastScheduleTime"] = timestamp(at)

        await self._write_status(cron, note)

    async def _create(self, cron: Object, at: datetime) -> Object:
        try:
            job = await self._client.create(JOBS, new_job(cron, at))
        except StatusError as error:
            if error.reason == "AlreadyExists":
                # Made before, but not noted: a control plane went down between the two.
                return await self._client.get(
                    JOBS, job_name(cron, at), cron["metadata"]["namespace"]
                )
            if not is_namespace_ending(error):
                self._say(cron, "Warning", "FailedCreate", f"Error creating job: {error.message}")
            raise
        self._say(cron, "Normal", "SuccessfulCreate", f"Created job {job['metadata']['name']}")
        return job

    async def _delete(self, cron: Object, job: Object) -> None:
        namespace, name = key_of(job)
        try:
            await self._client.delete(
                JOBS,
                name,
                namespace,
                uid=job["metadata"]["uid"],
                propagation_policy="Background",
            )
        except StatusError as error:
            if error.reason == "NotFound":
                return
            self._say(cron, "Warning", "FailedDelete", f"Deleted job: {error.message}")
            raise
        self._say(cron, "Normal", "SuccessfulDelete", f"Deleted job {name}")

    async def _write_status(self, cron: Object, note: Callable[[Object], None]) -> Object:
        def change(current: Object) -> None:
            if current["metadata"]["uid"] == cron["metadata"]["uid"]:
                note(current.setdefault("status", {}))

        namespace, name = key_of(cron)
        return await self._client.patch(RESOURCE, name, change, namespace, subresource="status")

    def _say(self, cron: Object, kind: str, reason: str, message: str) -> None:
        self._recorder.record(involved(cron), kind, reason, message, _COMPONENT)


def _set(status: Object, field: str, value: Any) -> None:
    if value:
        status[field] = value
    else:
        status.pop(field, None)
