"""The pods of a Job: what they look like, which index they have, how they ended. Pure.

Source: Kubernetes pkg/controller/job/job_controller.go and indexed_job_utils.go.
"""

from __future__ import annotations

from typing import Any

from controlplane.controllers.conditions import is_terminating
from controlplane.controllers.pod_templates import pod_from_template

Object = dict[str, Any]
TRACKING_FINALIZER = "batch.kubernetes.io/job-tracking"
INDEX_KEY = "batch.kubernetes.io/job-completion-index"
"""A label and an annotation of pods of Indexed Jobs."""
FAILURES_ANNOTATION = "batch.kubernetes.io/job-index-failure-count"
IGNORED_FAILURES_ANNOTATION = "batch.kubernetes.io/job-index-ignored-failure-count"
_INDEX_VARIABLE = "JOB_COMPLETION_INDEX"


def is_indexed(job: Object) -> bool:
    """Whether every completion has a number."""
    return bool(job["spec"].get("completionMode") == "Indexed")


def has_backoff_per_index(job: Object) -> bool:
    """Whether failures are counted for each index alone."""
    return is_indexed(job) and job["spec"].get("backoffLimitPerIndex") is not None


def replaces_failed_only(job: Object) -> bool:
    """Whether a pod that is being deleted still counts as one that runs."""
    spec = job["spec"]
    return spec.get("podReplacementPolicy") == "Failed" or bool(spec.get("podFailurePolicy"))


def phase_of(pod: Object) -> str:
    """Pending for a pod that nobody has reported on."""
    return str((pod.get("status") or {}).get("phase") or "Pending")


def has_succeeded(pod: Object) -> bool:
    """Whether all of its containers ended well."""
    return phase_of(pod) == "Succeeded"


def has_failed(job: Object, pod: Object) -> bool:
    """Whether the pod counts as a failure, also by being deleted before its end."""
    if phase_of(pod) == "Failed":
        return True
    if replaces_failed_only(job):
        return False
    return is_terminating(pod) and phase_of(pod) != "Succeeded"


def is_tracked(pod: Object) -> bool:
    """Whether the pod waits for being counted."""
    return TRACKING_FINALIZER in (pod["metadata"].get("finalizers") or ())


def index_of(pod: Object) -> int | None:
    """The pod's completion index."""
    text = str((pod["metadata"].get("annotations") or {}).get(INDEX_KEY, ""))
    return int(text) if text.isdecimal() else None


def failures_of(pod: Object) -> int:
    """How often the pod's index had failed before it was made."""
    text = str((pod["metadata"].get("annotations") or {}).get(FAILURES_ANNOTATION, ""))
    return int(text) if text.isdecimal() else 0


def new_pod(job: Object, index: int | None = None, failures: int = 0) -> Object:
    """A pod for the Job, or for one index of an Indexed one which has failed so often."""
    pod = pod_from_template(job)
    about = pod["metadata"]
    about["finalizers"] = [*(about.get("finalizers") or ()), TRACKING_FINALIZER]
    if index is None:
        return pod
    name = job["metadata"]["name"]
    about["generateName"] = f"{name}-{index}-"
    about.setdefault("labels", {})[INDEX_KEY] = str(index)
    annotations = about.setdefault("annotations", {})
    annotations[INDEX_KEY] = str(index)
    if has_backoff_per_index(job):
        annotations[FAILURES_ANNOTATION] = str(failures)
    spec = pod["spec"]
    spec["hostname"] = f"{name}-{index}"
    for container in (*(spec.get("initContainers") or ()), *spec["containers"]):
        _add_index_variable(container)
    return pod


def _add_index_variable(container: Object) -> None:
    variables = container.setdefault("env", [])
    if all(variable.get("name") != _INDEX_VARIABLE for variable in variables):
        path = f"metadata.labels['{INDEX_KEY}']"
        reference = {"apiVersion": "v1", "fieldPath": path}
        variables.append({"name": _INDEX_VARIABLE, "valueFrom": {"fieldRef": reference}})
