"""Runs Jobs: pods until enough have succeeded, or too many failed, each counted once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controlplane.api.errors import StatusError
from controlplane.controllers.conditions import controller_of, is_active, is_terminating, is_true
from controlplane.controllers.informer import Key, key_of
from controlplane.controllers.job_outcome import (
    decide_outcome,
    is_finished_job,
    seconds_to_deadline,
)
from controlplane.controllers.job_pods import TRACKING_FINALIZER, is_tracked, new_pod
from controlplane.controllers.job_status import final_status, noted_status
from controlplane.controllers.job_steps import plan
from controlplane.controllers.job_tracking import Tally
from controlplane.controllers.pod_owner import PodOwnerController

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from controlplane.api.client import Client
    from controlplane.controllers.informer import Informers
    from controlplane.controllers.job_outcome import Outcome
    from controlplane.controllers.job_steps import Steps
    from controlplane.controllers.recorder import EventRecorder

Object = dict[str, Any]
_MANAGER = "kubernetes.io/job-controller"
_JOB_NAME = "batch.kubernetes.io/job-name"


class JobController(PodOwnerController):
    """Starts and counts pods; notes an end first, tells it when no pod is left."""

    name = "job"
    resource = "jobs.batch"
    kind = "Job"
    component = "job-controller"

    def __init__(
        self,
        client: Client,
        informers: Informers,
        recorder: EventRecorder,
        now: Callable[[], datetime],
    ) -> None:
        super().__init__(client, informers, recorder, now)
        self._pods = informers.of("pods")

    def _owner_changed(self, old: Object | None, new: Object | None) -> None:
        """Also of a Job that is gone: its pods wait for being let go."""
        job = new or old
        if job is not None:
            self.queue.add(key_of(job))

    def _pod_changed(self, old: Object | None, new: Object | None) -> None:
        super()._pod_changed(old, new)
        if new is not None and is_tracked(new) and controller_of(new) is None:
            labels = new["metadata"].get("labels") or {}
            self.queue.add((new["metadata"]["namespace"], labels.get(_JOB_NAME, "")))

    async def reconcile(self, key: Key) -> None:
        """Lets pods go that no Job counts any more, then looks after the Job."""
        job = await self._read(key)
        await self._release(self._strays(key, job))
        if job is not None and job["spec"].get("managedBy", _MANAGER) == _MANAGER:
            await self.sync(job)

    def _strays(self, key: Key, job: Object | None) -> list[Object]:
        namespace, name = key
        uid = job["metadata"]["uid"] if job else ""
        strays = []
        for pod in self._pods.in_namespace(namespace):
            if not is_tracked(pod):
                continue
            owner = controller_of(pod)
            if owner is None:
                labels = pod["metadata"].get("labels") or {}
                adoptable = job is not None and is_active(pod) and self.selects(job, pod)
                if labels.get(_JOB_NAME, "") == name and not adoptable:
                    strays.append(pod)
            elif owner["name"] == name and owner["kind"] == self.kind and owner["uid"] != uid:
                strays.append(pod)
        return strays

    async def sync(self, owner: Object) -> None:
        """One round: decide, act, note, let go, count."""
        pods = await self._own_pods(owner)
        if is_finished_job(owner):
            await self._release(filter(is_tracked, pods))
            return
        now = self._now()
        outcome = decide_outcome(Tally(owner, pods), now)
        failure = await self._act(owner, pods, outcome, now)
        tally = Tally(owner, await self._own_pods(owner))
        await self._write_status(
            owner, lambda job: noted_status(job.get("status") or {}, tally, outcome, now)
        )
        await self._release(tally.ended)
        pods = await self._own_pods(owner)
        await self._write_status(
            owner, lambda job: final_status(job.get("status") or {}, pods, outcome, now)
        )
        await self._tell(owner, outcome, now)
        if failure is not None:
            raise failure

    async def _act(
        self, owner: Object, pods: list[Object], outcome: Outcome | None, now: datetime
    ) -> StatusError | None:
        try:
            if outcome is not None:
                for pod in filter(is_active, pods):
                    await self._control.delete(owner, pod)
            elif not is_terminating(owner):
                await self._take(owner, plan(Tally(owner, pods), now))
        except StatusError as error:
            return error
        return None

    async def _take(self, owner: Object, steps: Steps) -> None:
        if steps.again_s is not None:
            self.queue.add_after(key_of(owner), steps.again_s)
        # These end for the Job's own sake: they are not counted as failures.
        await self._release(steps.delete)
        for pod in steps.delete:
            await self._control.delete(owner, pod)
        for wanted in steps.create:
            await self._control.create(owner, new_pod(owner, wanted.index, wanted.failures))

    async def _release(self, pods: Iterable[Object]) -> None:
        def release(current: Object) -> None:
            finalizers = current["metadata"].get("finalizers") or []
            kept = [name for name in finalizers if name != TRACKING_FINALIZER]
            current["metadata"]["finalizers"] = kept

        for pod in pods:
            namespace, name = key_of(pod)
            try:
                await self._client.patch("pods", name, release, namespace)
            except StatusError as error:
                if error.reason != "NotFound":
                    raise

    async def _tell(self, before: Object, outcome: Outcome | None, now: datetime) -> None:
        """Events for what changed, and when to look again."""
        job = await self._read(key_of(before))
        if job is None:
            return
        for kind in (True, False):
            if is_true(job, "Suspended") is kind and is_true(before, "Suspended") is not kind:
                word = "suspended" if kind else "resumed"
                self._control.say(job, "Normal", word.capitalize(), f"Job {word}")
        if is_finished_job(job):
            if outcome is not None and outcome.terminal == "Failed":
                self._control.say(job, "Warning", outcome.reason, outcome.message)
            else:
                self._control.say(job, "Normal", "Completed", "Job completed")
            return
        left_s = seconds_to_deadline(job, now)
        if left_s is not None:
            self.queue.add_after(key_of(job), left_s)
