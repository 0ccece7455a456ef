"""Deletes Jobs `ttlSecondsAfterFinished` after their end.

Source: Kubernetes pkg/controller/ttlafterfinished.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from controlplane.api.errors import StatusError
from controlplane.controllers.conditions import condition, is_terminating, is_true, parse_time
from controlplane.controllers.controller import Controller
from controlplane.controllers.informer import Key, key_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from controlplane.api.client import Client
    from controlplane.controllers.informer import Informers

Object = dict[str, Any]
_RESOURCE = "jobs.batch"


def expiry(job: Object) -> datetime | None:
    """When the Job is to go, None for one that stays or still runs."""
    ttl_s = job["spec"].get("ttlSecondsAfterFinished")
    for kind in ("Complete", "Failed"):
        if ttl_s is not None and is_true(job, kind):
            ended = parse_time((condition(job, kind) or {}).get("lastTransitionTime"))
            return None if ended is None else ended + timedelta(seconds=ttl_s)
    return None


class FinishedJobs(Controller[Key]):
    """Keys are Jobs with a time to live."""

    name = "ttl-after-finished"

    def __init__(self, client: Client, informers: Informers, now: Callable[[], datetime]) -> None:
        super().__init__()
        self._client = client
        self._now = now
        informers.of(_RESOURCE).subscribe(self._job_changed)

    def _job_changed(self, old: Object | None, new: Object | None) -> None:
        if new is not None and expiry(new) is not None:
            self.queue.add(key_of(new))

    async def reconcile(self, key: Key) -> None:
        """Deletes the Job, its pods first, when its time has come."""
        namespace, name = key
        try:
            job = await self._client.get(_RESOURCE, name, namespace)
            due = expiry(job)
            if due is None or is_terminating(job):
                return
            left_s = (due - self._now()).total_seconds()
            if left_s > 0:
                self.queue.add_after(key, left_s)
                return
            await self._client.delete(
                _RESOURCE,
                name,
                namespace,
                uid=job["metadata"]["uid"],
                propagation_policy="Foreground",
            )
        except StatusError as error:
            if error.reason != "NotFound":
                raise
