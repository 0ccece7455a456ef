"""What a StatefulSet does next: pure decisions over it, its revisions and its pods.

Source: Kubernetes pkg/controller/statefulset/stateful_set_control.go.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from controlplane.controllers.availability import is_available, min_ready_seconds
from controlplane.controllers.conditions import is_finished, is_terminating, is_true
from controlplane.controllers.replicas import wanted_replicas
from controlplane.controllers.stateful_pods import (
    identity_labels,
    ordinal_of,
    revision_of,
    start_ordinal,
    wanted_ordinals,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Revisions:
    """The revision that the set comes from and the one that it goes to."""

    current: Object
    update: Object

    @property
    def names(self) -> tuple[str, str]:
        """Of current and update."""
        return self.current["metadata"]["name"], self.update["metadata"]["name"]


@dataclass(frozen=True, slots=True)
class Steps:
    """What to do now; what comes after it follows from what that changes."""

    create: tuple[int, ...] = ()
    repair: tuple[Object, ...] = ()
    """Pods that have lost the labels of their identity."""
    scale_down: tuple[Object, ...] = ()
    delete: tuple[Object, ...] = ()
    """Pods to be made anew."""


class _Blocked(Exception):
    """Ordered sets do one thing and wait for what comes of it."""


class Planner:
    """One look at a set. `steps` is the result."""

    def __init__(
        self, stateful_set: Object, revisions: Revisions, pods: Sequence[Object], now: datetime
    ) -> None:
        self._set = stateful_set
        self._update = revisions.names[1]
        self._now = now
        self._ordered = stateful_set["spec"].get("podManagementPolicy") != "Parallel"
        found = [(ordinal_of(stateful_set, pod), pod) for pod in pods]
        known = {ordinal: pod for ordinal, pod in found if ordinal is not None}
        ordinals = wanted_ordinals(stateful_set)
        self._replicas = {ordinal: known.get(ordinal) for ordinal in ordinals}
        self._condemned = [known[n] for n in sorted(known, reverse=True) if n not in ordinals]
        self._create: list[int] = []
        self._repair: list[Object] = []
        self._scale_down: list[Object] = []
        self._delete: list[Object] = []

    def steps(self) -> Steps:
        """What to do now. Nothing for a set that is being deleted."""
        if not is_terminating(self._set):
            with suppress(_Blocked):
                self._plan()
        return Steps(
            tuple(self._create),
            tuple(self._repair),
            tuple(self._scale_down),
            tuple(self._delete),
        )

    def _plan(self) -> None:
        for ordinal, pod in self._replicas.items():
            self._keep(ordinal, pod)
        for pod in self._condemned:
            self._condemn(pod)
        if _is_rolling(self._set) and not self._create:
            self._update_next(lowest_to_update(self._set))

    def _block(self) -> None:
        if self._ordered:
            raise _Blocked

    def _keep(self, ordinal: int, pod: Object | None) -> None:
        if pod is None:
            self._create.append(ordinal)
            self._block()
            return
        if is_finished(pod):
            if not is_terminating(pod):
                self._delete.append(pod)
            self._block()
            return
        if not self._is_well(pod):
            self._block()
        labels = pod["metadata"].get("labels") or {}
        wanted = identity_labels(pod["metadata"]["name"], ordinal)
        if not is_terminating(pod) and not wanted.items() <= labels.items():
            self._repair.append(pod)

    def _condemn(self, pod: Object) -> None:
        if is_terminating(pod):
            self._block()
            return
        if not self._is_well(pod) and pod is not self._first_unwell():
            self._block()
        self._scale_down.append(pod)
        self._block()

    def _first_unwell(self) -> Object | None:
        for pod in [*self._replicas.values(), *reversed(self._condemned)]:
            if pod is not None and not self._is_well(pod):
                return pod
        return None

    def _is_well(self, pod: Object) -> bool:
        """Available, and to stay so."""
        min_ready_s = min_ready_seconds(self._set)
        available = is_running_and_ready(pod) and is_available(pod, min_ready_s, self._now)
        return available and not is_terminating(pod)

    def _update_next(self, lowest: int) -> None:
        """The highest outdated pod, once all above it are well."""
        for ordinal in sorted(self._replicas, reverse=True):
            pod = self._replicas[ordinal]
            if ordinal < lowest or pod is None or is_finished(pod):
                return
            if revision_of(pod) != self._update and not is_terminating(pod):
                self._delete.append(pod)
                return
            if not self._is_well(pod):
                return


def lowest_to_update(stateful_set: Object) -> int:
    """The lowest ordinal that a rolling update may touch: those below `partition` stay."""
    strategy = stateful_set["spec"].get("updateStrategy") or {}
    partition = int((strategy.get("rollingUpdate") or {}).get("partition") or 0)
    return start_ordinal(stateful_set) + partition


def _is_rolling(stateful_set: Object) -> bool:
    strategy = stateful_set["spec"].get("updateStrategy") or {}
    return bool(strategy.get("type", "RollingUpdate") == "RollingUpdate")


def revision_for(stateful_set: Object, revisions: Revisions, ordinal: int) -> Object:
    """What a new pod of that ordinal is made of: below the partition, of the current one."""
    stays = _is_rolling(stateful_set) and ordinal < lowest_to_update(stateful_set)
    return revisions.current if stays else revisions.update


def is_running_and_ready(pod: Object) -> bool:
    """Whether it counts as a ready replica."""
    return (pod.get("status") or {}).get("phase") == "Running" and is_true(pod, "Ready")


def stateful_set_status(
    stateful_set: Object, revisions: Revisions, pods: Sequence[Object], now: datetime
) -> Object:
    """The whole status. A rolling update is over once every replica is new and ready."""
    current, update = revisions.names
    min_ready_s = min_ready_seconds(stateful_set)
    ready = [pod for pod in pods if is_running_and_ready(pod)]
    lasting = [revision_of(pod) for pod in pods if not is_terminating(pod)]
    wanted = wanted_replicas(stateful_set)
    updated = lasting.count(update)
    if _is_rolling(stateful_set) and updated == len(ready) == len(pods) == wanted:
        current = update
    counts = {
        "readyReplicas": len(ready),
        "currentReplicas": lasting.count(current),
        "updatedReplicas": updated,
    }
    return {
        "observedGeneration": stateful_set["metadata"].get("generation", 1),
        "replicas": len(pods),
        **{name: count for name, count in counts.items() if count},
        "availableReplicas": sum(is_available(pod, min_ready_s, now) for pod in ready),
        "currentRevision": current,
        "updateRevision": update,
        "collisionCount": int((stateful_set.get("status") or {}).get("collisionCount") or 0),
    }
