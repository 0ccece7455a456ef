"""What a DaemonSet does next: pure decisions over its nodes and pods.

Sources: Kubernetes pkg/controller/daemon/daemon_controller.go and update.go.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from controlplane.controllers.availability import is_available, min_ready_seconds
from controlplane.controllers.conditions import is_terminating, is_true
from controlplane.controllers.daemon_pods import by_node, is_updated, should_run
from controlplane.controllers.rollout import resolve

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

Object = dict[str, Any]


@dataclass(slots=True)
class Steps:
    """What to do now."""

    create: list[str] = field(default_factory=list)
    """Names of nodes."""
    delete: list[Object] = field(default_factory=list)
    failed: list[Object] = field(default_factory=list)
    """Pods that have come to an end and are to be made anew."""


@dataclass(frozen=True, slots=True)
class View:
    """A DaemonSet with its nodes and pods at one moment."""

    daemon_set: Object
    revision_hash: str
    nodes: Sequence[Object]
    pods: Sequence[Object]
    now: datetime

    def is_available(self, pod: Object) -> bool:
        """Whether the pod has been ready for long enough."""
        return is_available(pod, min_ready_seconds(self.daemon_set), self.now)

    def wanted_nodes(self) -> list[str]:
        """The nodes that shall have a pod."""
        return [
            node["metadata"]["name"] for node in self.nodes if should_run(self.daemon_set, node)[0]
        ]


def limits(view: View) -> tuple[int, int]:
    """(maxSurge, maxUnavailable) as pod counts; they are never both 0."""
    strategy = view.daemon_set["spec"].get("updateStrategy") or {}
    rolling = strategy.get("rollingUpdate") or {}
    total = len(view.wanted_nodes())
    surge = resolve(rolling.get("maxSurge", 0), total, round_up=True)
    unavailable = resolve(rolling.get("maxUnavailable", 1), total, round_up=True)
    return (surge, unavailable) if surge or unavailable else (0, 1)


def manage(view: View) -> Steps:
    """One pod on every node that shall have one, none on the others."""
    steps = Steps()
    pods = by_node(view.pods)
    for node in view.nodes:
        name = node["metadata"]["name"]
        here = pods.get(name, [])
        run, stay = should_run(view.daemon_set, node)
        if run and not here:
            steps.create.append(name)
        elif stay:
            _tidy(view, here, steps)
        else:
            steps.delete += [pod for pod in here if not is_terminating(pod)]
    return steps


def _tidy(view: View, here: Sequence[Object], steps: Steps) -> None:
    lasting = [pod for pod in here if not is_terminating(pod)]
    ended = [pod for pod in lasting if pod["status"].get("phase") in ("Failed", "Succeeded")]
    steps.failed += ended
    running = [pod for pod in lasting if pod not in ended]
    if limits(view)[0] == 0:
        steps.delete += running[1:]
        return
    new = [pod for pod in running if is_updated(pod, view.revision_hash)]
    old = [pod for pod in running if not is_updated(pod, view.revision_hash)]
    steps.delete += new[1:] + old[1:]
    if new and old and (view.is_available(new[0]) or not view.is_available(old[0])):
        steps.delete.append(old[0])


def roll(view: View) -> Steps:
    """The next pods of a rolling update, within what maxSurge and maxUnavailable allow."""
    surge, unavailable = limits(view)
    return _surge(view, surge) if surge else _replace(view, unavailable)


def _generations(view: View, here: Sequence[Object]) -> tuple[list[Object], list[Object]]:
    new = [pod for pod in here if is_updated(pod, view.revision_hash)]
    return new, [pod for pod in here if pod not in new]


def _replace(view: View, max_unavailable: int) -> Steps:
    steps, candidates, missing = Steps(), [], 0
    pods = by_node(view.pods)
    for name in view.wanted_nodes():
        new, old = _generations(view, pods.get(name, []))
        if len(old) != 1 or new:
            settled = len(new) == 1 and not old and view.is_available(new[0])
            missing += 0 if settled and not is_terminating(new[0]) else 1
        elif is_terminating(old[0]):
            missing += 1
        elif not view.is_available(old[0]):
            missing += 1
            steps.delete.append(old[0])
        else:
            candidates.append(old[0])
    steps.delete += candidates[: max(max_unavailable - missing, 0)]
    return steps


def _surge(view: View, max_surge: int) -> Steps:
    steps, candidates, surging = Steps(), [], 0
    pods = by_node(view.pods)
    for name in view.wanted_nodes():
        new, old = _generations(view, pods.get(name, []))
        if len(new) > 1 or len(old) > 1:
            surging += 1
        elif not old:
            continue
        elif new:
            surging += 1
            if view.is_available(new[0]) and not is_terminating(old[0]):
                steps.delete.append(old[0])
        elif not view.is_available(old[0]):
            steps.create.append(name)
        else:
            candidates.append(name)
    steps.create += candidates[: max(max_surge - surging, 0)]
    return steps


def daemon_set_status(view: View) -> Object:
    """The whole status: of each node the oldest pod counts."""
    pods = by_node(view.pods)
    wanted = set(view.wanted_nodes())
    known = [node["metadata"]["name"] for node in view.nodes]
    first = [pods[name][0] for name in known if name in wanted and pods.get(name)]
    ready = [pod for pod in first if is_true(pod, "Ready")]
    available = sum(map(view.is_available, ready))
    counts = {
        "updatedNumberScheduled": sum(is_updated(pod, view.revision_hash) for pod in first),
        "numberAvailable": available,
        "numberUnavailable": len(wanted) - available,
        "collisionCount": int((view.daemon_set.get("status") or {}).get("collisionCount") or 0),
    }
    return {
        "currentNumberScheduled": len(first),
        "desiredNumberScheduled": len(wanted),
        "numberMisscheduled": sum(bool(pods.get(n)) for n in known if n not in wanted),
        "numberReady": len(ready),
        "observedGeneration": view.daemon_set["metadata"].get("generation", 1),
        **{name: count for name, count in counts.items() if count},
    }
