"""How a Job counts its pods, each exactly once, whatever crashes when. Pure.

A pod that has ended keeps a finalizer until its uid is in `status.uncountedTerminatedPods`; its
uid moves on into a counter once the finalizer is gone. Source: Kubernetes KEP-2307 and
pkg/controller/job/job_controller.go (trackJobStatusAndRemoveFinalizers).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from controlplane.api.strategies.job_indexes import known_indexes
from controlplane.controllers.job_failure_policy import judge
from controlplane.controllers.job_pods import (
    failures_of,
    has_backoff_per_index,
    has_failed,
    has_succeeded,
    index_of,
    is_indexed,
    is_tracked,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

Object = dict[str, Any]


@dataclass(frozen=True)
class Tally:
    """A Job's pods, counted."""

    job: Object
    pods: Sequence[Object]

    @cached_property
    def _status(self) -> Object:
        found: Object = self.job.get("status") or {}
        return found

    @cached_property
    def _uncounted(self) -> dict[str, list[str]]:
        noted = self._status.get("uncountedTerminatedPods") or {}
        return {kind: list(noted.get(kind) or ()) for kind in ("succeeded", "failed")}

    @cached_property
    def ended(self) -> list[Object]:
        """Pods that wait for being counted, oldest first."""
        return [
            pod
            for pod in sorted(self.pods, key=lambda p: p["metadata"]["name"])
            if is_tracked(pod) and (has_succeeded(pod) or has_failed(self.job, pod))
        ]

    @cached_property
    def completed(self) -> set[int]:
        """Indexes that have succeeded."""
        if not is_indexed(self.job):
            return set()
        limit = int(self.job["spec"].get("completions") or 0)
        found = known_indexes(self._status.get("completedIndexes") or "", limit)
        fresh = {index_of(pod) for pod in self.ended if has_succeeded(pod)}
        return found | {index for index in fresh if index is not None and index < limit}

    @cached_property
    def failed_indexes(self) -> set[int]:
        """Indexes that are not tried again (`backoffLimitPerIndex`)."""
        if not has_backoff_per_index(self.job):
            return set()
        spec = self.job["spec"]
        limit = int(spec.get("completions") or 0)
        found = known_indexes(self._status.get("failedIndexes") or "", limit)
        for pod in self.ended:
            index = index_of(pod)
            if index is not None and index < limit and self._fails_index(pod):
                found.add(index)
        return found - self.completed

    def _fails_index(self, pod: Object) -> bool:
        if has_succeeded(pod):
            return False
        action = judge(self.job, pod).action
        if action == "FailIndex":
            return True
        limit = int(self.job["spec"]["backoffLimitPerIndex"])
        return action != "Ignore" and failures_of(pod) >= limit

    @cached_property
    def _fresh(self) -> dict[str, list[str]]:
        """The uids of ended pods that are not in the status yet."""
        noted = {*self._uncounted["succeeded"], *self._uncounted["failed"]}
        fresh: dict[str, list[str]] = {"succeeded": [], "failed": []}
        for pod in self.ended:
            uid = pod["metadata"]["uid"]
            if uid in noted:
                continue
            if has_succeeded(pod):
                if not is_indexed(self.job):  # else its index is what counts
                    fresh["succeeded"].append(uid)
            elif judge(self.job, pod).action != "Ignore":
                fresh["failed"].append(uid)
        return fresh

    @property
    def succeeded(self) -> int:
        """All successes so far; indexes are counted once."""
        return len(self.completed) if is_indexed(self.job) else self._total("succeeded")

    @property
    def failed(self) -> int:
        """All failures so far."""
        return self._total("failed")

    def _total(self, kind: str) -> int:
        counted = int(self._status.get(kind) or 0)
        return counted + len(self._uncounted[kind]) + len(self._fresh[kind])

    def noted(self) -> dict[str, list[str]]:
        """`uncountedTerminatedPods` with all that have ended by now."""
        both = {kind: self._uncounted[kind] + self._fresh[kind] for kind in self._uncounted}
        return {kind: uids for kind, uids in both.items() if uids}


def settled(status: Object, tracked: set[str]) -> Object:
    """The part of a status in which those pods that have let go are counted.

    `tracked` has the uids of pods that still have the finalizer.
    """
    noted = status.get("uncountedTerminatedPods") or {}
    changed: Object = {"uncountedTerminatedPods": {}}
    for kind in ("succeeded", "failed"):
        waiting = [uid for uid in noted.get(kind) or () if uid in tracked]
        done = len(noted.get(kind) or ()) - len(waiting)
        if waiting:
            changed["uncountedTerminatedPods"][kind] = waiting
        if done:
            changed[kind] = int(status.get(kind) or 0) + done
    return changed
