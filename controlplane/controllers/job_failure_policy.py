"""What a Job's podFailurePolicy says of a failed pod. Pure.

Source: Kubernetes pkg/controller/job/pod_failure_policy.go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from controlplane.controllers.conditions import condition

if TYPE_CHECKING:
    from collections.abc import Iterator

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Judgement:
    """The action of the first rule that matches; Count when none does."""

    action: str = "Count"
    message: str = ""
    """Why the Job fails, for the action FailJob."""


def judge(job: Object, pod: Object) -> Judgement:
    """What to do about a pod that has failed."""
    rules = (job["spec"].get("podFailurePolicy") or {}).get("rules") or ()
    for index, rule in enumerate(rules):
        why = (
            _matches_codes(rule, pod) if rule.get("onExitCodes") else _matches_condition(rule, pod)
        )
        if why:
            message = f"{why} matching {rule['action']} rule at index {index}"
            return Judgement(rule["action"], message)
    return Judgement()


def _matches_codes(rule: Object, pod: Object) -> str:
    codes = rule["onExitCodes"]
    for name, code in _exit_codes(pod):
        if codes.get("containerName") not in (None, name) or code == 0:
            continue
        is_listed = code in (codes.get("values") or ())
        if is_listed == (codes.get("operator") == "In"):
            return f"Container {name} for pod {_shown(pod)} failed with exit code {code}"
    return ""


def _exit_codes(pod: Object) -> Iterator[tuple[str, int]]:
    status = pod.get("status") or {}
    for field in ("containerStatuses", "initContainerStatuses"):
        for container in status.get(field) or ():
            ended = (container.get("state") or {}).get("terminated")
            if ended:
                yield container["name"], int(ended.get("exitCode") or 0)


def _matches_condition(rule: Object, pod: Object) -> str:
    for pattern in rule.get("onPodConditions") or ():
        found = condition(pod, pattern.get("type", ""))
        if found is not None and found.get("status") == pattern.get("status", "True"):
            return f"Pod {_shown(pod)} has condition {pattern['type']}"
    return ""


def _shown(pod: Object) -> str:
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
