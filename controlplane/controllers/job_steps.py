"""Which pods a running Job starts and ends now. Pure.

Source: Kubernetes pkg/controller/job/job_controller.go (manageJob) and backoff_utils.go.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from controlplane.controllers.conditions import is_active, is_terminating, parse_time
from controlplane.controllers.job_pods import (
    failures_of,
    has_backoff_per_index,
    has_failed,
    has_succeeded,
    index_of,
    is_indexed,
    is_tracked,
    replaces_failed_only,
)
from controlplane.controllers.replicas import deletion_order

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from controlplane.controllers.job_tracking import Tally

Object = dict[str, Any]
BACKOFF_S = 10.0
LONGEST_BACKOFF_S = 600.0
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class NewPod:
    """A pod to create; `failures` are those of its index."""

    index: int | None = None
    failures: int = 0


@dataclass(frozen=True, slots=True)
class Steps:
    """What to do now, and in how many seconds to look again, if at all."""

    create: tuple[NewPod, ...] = ()
    delete: tuple[Object, ...] = ()
    again_s: float | None = None


def plan(tally: Tally, now: datetime) -> Steps:
    """The next pods of a Job that has not come to its end."""
    job = tally.job
    active = [pod for pod in tally.pods if is_active(pod)]
    if job["spec"].get("suspend"):
        return Steps(delete=tuple(active))
    wanted = _wanted(tally, len(active))
    surplus = _surplus(tally, active, wanted)
    if surplus:
        return Steps(delete=tuple(surplus))
    present = len(active)
    if replaces_failed_only(job):
        present += sum(is_terminating(p) and not has_succeeded(p) for p in _unended(tally))
    if present >= wanted:
        return Steps()
    if has_backoff_per_index(job):
        return _create_indexes_in_time(tally, active, wanted - present, now)
    wait_s = backoff_s(tally, now)
    if wait_s > 0:
        return Steps(again_s=wait_s)
    if is_indexed(job):
        free = _free_indexes(tally, active)[: wanted - present]
        return Steps(create=tuple(NewPod(index) for index in free))
    return Steps(create=(NewPod(),) * (wanted - present))


def _unended(tally: Tally) -> list[Object]:
    return [p for p in tally.pods if (p.get("status") or {}).get("phase") != "Failed"]


def _wanted(tally: Tally, active: int) -> int:
    """How many pods shall run."""
    spec = tally.job["spec"]
    parallelism = int(spec.get("parallelism", 1))
    if spec.get("completions") is None:
        return min(active, parallelism) if tally.succeeded > 0 else parallelism
    left = int(spec["completions"]) - tally.succeeded - len(tally.failed_indexes)
    return min(max(left, 0), parallelism)


def _surplus(tally: Tally, active: Sequence[Object], wanted: int) -> list[Object]:
    """Active pods to end: twins of an index, indexes that are done, then those missed least."""
    doomed: list[Object] = []
    if is_indexed(tally.job):
        taken: set[int] = set()
        limit = int(tally.job["spec"].get("completions") or 0)
        done = tally.completed | tally.failed_indexes
        for pod in sorted(active, key=lambda p: p["metadata"].get("creationTimestamp", "")):
            index = index_of(pod)
            if index is None or index >= limit or index in taken or index in done:
                doomed.append(pod)
            else:
                taken.add(index)
    rest = [pod for pod in active if all(pod is not d for d in doomed)]
    return doomed + deletion_order(rest)[: max(len(rest) - wanted, 0)]


def _free_indexes(tally: Tally, active: Iterable[Object]) -> list[int]:
    """Indexes that no pod has and that still have to succeed, lowest first."""
    taken = {index_of(pod) for pod in active} | tally.completed | tally.failed_indexes
    if replaces_failed_only(tally.job):
        taken |= {index_of(pod) for pod in _unended(tally) if is_terminating(pod)}
    return [n for n in range(int(tally.job["spec"].get("completions") or 0)) if n not in taken]


def backoff_s(tally: Tally, now: datetime) -> float:
    """How long no pod is started after failures in a row: 10 s, doubled by each."""
    ends = sorted(
        (_end_of(pod), has_succeeded(pod))
        for pod in tally.pods
        if has_succeeded(pod) or _counts_as_failed(tally.job, pod)
    )
    failures = 0
    while failures < len(ends) and not ends[-1 - failures][1]:
        failures += 1
    return _delay_s(failures, ends[-1][0], now) if failures else 0.0


def _counts_as_failed(job: Object, pod: Object) -> bool:
    """Not a pod that was ended for the Job's own sake: it is no longer tracked."""
    return has_failed(job, pod) and (is_tracked(pod) or not is_terminating(pod))


def _delay_s(failures: int, last: datetime, now: datetime) -> float:
    delay_s = min(BACKOFF_S * 2.0 ** min(failures - 1, 16), LONGEST_BACKOFF_S)
    return max((last + timedelta(seconds=delay_s) - now).total_seconds(), 0.0)


def _create_indexes_in_time(
    tally: Tally, active: Sequence[Object], count: int, now: datetime
) -> Steps:
    """Every index waits for itself alone."""
    create: list[NewPod] = []
    waits: list[float] = []
    for index in _free_indexes(tally, active):
        past = [pod for pod in tally.pods if index_of(pod) == index]
        failed = [pod for pod in past if _counts_as_failed(tally.job, pod)]
        failures = max((failures_of(pod) + 1 for pod in failed), default=0)
        wait_s = _delay_s(failures, max(map(_end_of, failed)), now) if failed else 0.0
        if wait_s > 0:
            waits.append(wait_s)
        elif len(create) < count:
            create.append(NewPod(index, failures))
    return Steps(create=tuple(create), again_s=min(waits, default=None))


def _end_of(pod: Object) -> datetime:
    """When its last container ended, else when the pod was told to go."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    ends = [((s.get("state") or {}).get("terminated") or {}).get("finishedAt") for s in statuses]
    known = [end for end in map(parse_time, ends) if end is not None]
    about = pod["metadata"]
    told = parse_time(about.get("deletionTimestamp"))
    if told is not None and not known:
        known = [told - timedelta(seconds=about.get("deletionGracePeriodSeconds") or 0)]
    return max(known, default=parse_time(about.get("creationTimestamp")) or _LONG_AGO)
