"""The tables of workload kinds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controlplane.api.tables.age import human_duration, parse_time, since
from controlplane.api.tables.column import (
    NONE,
    Cell,
    Object,
    Printer,
    age,
    columns,
    containers_and_images,
    items,
    labels,
    name,
    number,
    section,
    selector,
)

if TYPE_CHECKING:
    from datetime import datetime

_TEMPLATE = ("Containers", "Images")


def _template(obj: Object) -> list[Cell]:
    return containers_and_images(section(obj, "spec", "template", "spec"))


def _selected(obj: Object) -> str:
    return selector(section(obj, "spec").get("selector"))


def _deployment(obj: Object, now: datetime) -> list[Cell]:
    spec, status = section(obj, "spec"), section(obj, "status")
    return [
        name(obj),
        f"{number(status, 'readyReplicas')}/{number(spec, 'replicas')}",
        number(status, "updatedReplicas"),
        number(status, "availableReplicas"),
        age(obj, now),
        *_template(obj),
        _selected(obj),
    ]


def _replicas(obj: Object) -> list[Cell]:
    spec, status = section(obj, "spec"), section(obj, "status")
    return [
        number(spec, "replicas"),
        number(status, "replicas"),
        number(status, "readyReplicas"),
    ]


def _replica_set(obj: Object, now: datetime) -> list[Cell]:
    return [name(obj), *_replicas(obj), age(obj, now), *_template(obj), _selected(obj)]


def _replication_controller(obj: Object, now: datetime) -> list[Cell]:
    chosen = labels(section(obj, "spec", "selector"))
    return [name(obj), *_replicas(obj), age(obj, now), *_template(obj), chosen]


def _stateful_set(obj: Object, now: datetime) -> list[Cell]:
    spec, status = section(obj, "spec"), section(obj, "status")
    ready = f"{number(status, 'readyReplicas')}/{number(spec, 'replicas')}"
    return [name(obj), ready, age(obj, now), *_template(obj)]


def _daemon_set(obj: Object, now: datetime) -> list[Cell]:
    status = section(obj, "status")
    return [
        name(obj),
        number(status, "desiredNumberScheduled"),
        number(status, "currentNumberScheduled"),
        number(status, "numberReady"),
        number(status, "updatedNumberScheduled"),
        number(status, "numberAvailable"),
        labels(section(obj, "spec", "template", "spec", "nodeSelector")),
        age(obj, now),
        *_template(obj),
        _selected(obj),
    ]


def _job(obj: Object, now: datetime) -> list[Cell]:
    started = parse_time(section(obj, "status").get("startTime"))
    ended = parse_time(section(obj, "status").get("completionTime")) or now
    took = human_duration((ended - started).total_seconds()) if started else ""
    cells: list[Cell] = [name(obj), _job_status(obj), _completions(obj), took, age(obj, now)]
    return [*cells, *_template(obj), _selected(obj)]


def _job_status(obj: Object) -> str:
    conditions = items(obj, "status", "conditions")
    true = {found.get("type") for found in conditions if found.get("status") == "True"}
    for ending in ("Complete", "Failed"):
        if ending in true:
            return ending
    if section(obj, "metadata").get("deletionTimestamp"):
        return "Terminating"
    for state in ("Suspended", "FailureTarget", "SuccessCriteriaMet"):
        if state in true:
            return state
    return "Running"


def _completions(obj: Object) -> str:
    spec, succeeded = section(obj, "spec"), number(section(obj, "status"), "succeeded")
    if spec.get("completions") is not None:
        return f"{succeeded}/{spec['completions']}"
    parallelism = number(spec, "parallelism")
    return f"{succeeded}/1 of {parallelism}" if parallelism > 1 else f"{succeeded}/1"


def _cron_job(obj: Object, now: datetime) -> list[Cell]:
    spec, status = section(obj, "spec"), section(obj, "status")
    last = status.get("lastScheduleTime")
    return [
        name(obj),
        str(spec.get("schedule", "")),
        spec.get("timeZone") or NONE,
        "True" if spec.get("suspend") else "False",
        len(items(status, "active")),
        since(last, now) if last else NONE,
        age(obj, now),
        *containers_and_images(section(spec, "jobTemplate", "spec", "template", "spec")),
        selector(section(spec, "jobTemplate", "spec").get("selector")),
    ]


def _revision(obj: Object, now: datetime) -> list[Cell]:
    owners = [o for o in items(obj, "metadata", "ownerReferences") if o.get("controller")]
    return [
        name(obj),
        _owner(owners[0]) if owners else NONE,
        number(obj, "revision"),
        age(obj, now),
    ]


def _owner(reference: Object) -> str:
    group, _, _ = str(reference.get("apiVersion", "")).rpartition("/")
    kind = str(reference.get("kind", "")).lower()
    qualified = f"{kind}.{group}" if group else kind
    return f"{qualified}/{reference.get('name', '')}"


def _pod_template(obj: Object, now: datetime) -> list[Cell]:
    shown = containers_and_images(section(obj, "template", "spec"))
    return [name(obj), *shown, labels(section(obj, "template", "metadata").get("labels"))]


DEPLOYMENT = Printer(
    columns("Name", "Ready", "Up-to-date", "Available", "Age", wide=(*_TEMPLATE, "Selector")),
    _deployment,
)
REPLICA_SET = Printer(
    columns("Name", "#Desired", "#Current", "#Ready", "Age", wide=(*_TEMPLATE, "Selector")),
    _replica_set,
)
REPLICATION_CONTROLLER = Printer(REPLICA_SET.columns, _replication_controller)
STATEFUL_SET = Printer(columns("Name", "Ready", "Age", wide=_TEMPLATE), _stateful_set)
DAEMON_SET = Printer(
    columns(
        "Name",
        "#Desired",
        "#Current",
        "#Ready",
        "#Up-to-date",
        "#Available",
        "Node Selector",
        "Age",
        wide=(*_TEMPLATE, "Selector"),
    ),
    _daemon_set,
)
JOB = Printer(
    columns("Name", "Status", "Completions", "Duration", "Age", wide=(*_TEMPLATE, "Selector")),
    _job,
)
CRON_JOB = Printer(
    columns(
        "Name",
        "Schedule",
        "Timezone",
        "Suspend",
        "#Active",
        "Last Schedule",
        "Age",
        wide=(*_TEMPLATE, "Selector"),
    ),
    _cron_job,
)
CONTROLLER_REVISION = Printer(columns("Name", "Controller", "#Revision", "Age"), _revision)
POD_TEMPLATE = Printer(columns("Name", "Containers", "Images", "Pod Labels"), _pod_template)
