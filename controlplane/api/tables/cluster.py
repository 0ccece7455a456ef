"""The tables of nodes, namespaces, events and small kinds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controlplane.api.tables.age import since
from controlplane.api.tables.column import (
    NONE,
    Cell,
    Column,
    Object,
    Printer,
    age,
    columns,
    items,
    name,
    number,
    section,
)

if TYPE_CHECKING:
    from datetime import datetime

_ROLE_PREFIX = "node-role.kubernetes.io/"
_ROLE = "kubernetes.io/role"
_UNKNOWN = "<unknown>"


def _node(obj: Object, now: datetime) -> list[Cell]:
    info = section(obj, "status", "nodeInfo")
    return [
        name(obj),
        _node_status(obj),
        _roles(obj),
        age(obj, now),
        str(info.get("kubeletVersion", "")),
        _node_address(obj, "InternalIP"),
        _node_address(obj, "ExternalIP"),
        info.get("osImage") or _UNKNOWN,
        info.get("kernelVersion") or _UNKNOWN,
        info.get("containerRuntimeVersion") or _UNKNOWN,
    ]


def _node_status(obj: Object) -> str:
    conditions = items(obj, "status", "conditions")
    ready = next((found for found in conditions if found.get("type") == "Ready"), None)
    status = "Unknown"
    if ready is not None:
        status = "Ready" if ready.get("status") == "True" else "NotReady"
    cordoned = section(obj, "spec").get("unschedulable")
    return f"{status},SchedulingDisabled" if cordoned else status


def _roles(obj: Object) -> str:
    found = set()
    for key, value in section(obj, "metadata", "labels").items():
        if key.startswith(_ROLE_PREFIX):
            found.add(key.removeprefix(_ROLE_PREFIX))
        elif key == _ROLE:
            found.add(value)
    return ",".join(sorted(found - {""})) or NONE


def _node_address(obj: Object, wanted: str) -> str:
    addresses = items(obj, "status", "addresses")
    found = (entry.get("address") for entry in addresses if entry.get("type") == wanted)
    return next(found, None) or NONE


def _namespace(obj: Object, now: datetime) -> list[Cell]:
    return [name(obj), str(section(obj, "status").get("phase", "")), age(obj, now)]


def _config_map(obj: Object, now: datetime) -> list[Cell]:
    size = len(section(obj, "data")) + len(section(obj, "binaryData"))
    return [name(obj), size, age(obj, now)]


def _secret(obj: Object, now: datetime) -> list[Cell]:
    return [name(obj), str(obj.get("type", "")), len(section(obj, "data")), age(obj, now)]


def _service_account(obj: Object, now: datetime) -> list[Cell]:
    return [name(obj), len(items(obj, "secrets")), age(obj, now)]


def _lease(obj: Object, now: datetime) -> list[Cell]:
    return [name(obj), str(section(obj, "spec").get("holderIdentity", "")), age(obj, now)]


def _priority_class(obj: Object, now: datetime) -> list[Cell]:
    is_default = "true" if obj.get("globalDefault") else "false"
    policy = str(obj.get("preemptionPolicy") or "PreemptLowerPriority")
    return [name(obj), number(obj, "value"), is_default, age(obj, now), policy]


def _disruption_budget(obj: Object, now: datetime) -> list[Cell]:
    spec = section(obj, "spec")
    shown: list[Cell] = [
        "N/A" if spec.get(key) is None else str(spec[key])
        for key in ("minAvailable", "maxUnavailable")
    ]
    allowed = number(section(obj, "status"), "disruptionsAllowed")
    return [name(obj), *shown, allowed, age(obj, now)]


def _quota(obj: Object, now: datetime) -> list[Cell]:
    hard, used = section(obj, "status", "hard"), section(obj, "status", "used")
    shown = {key: f"{key}: {used.get(key, 0)}/{hard[key]}" for key in sorted(hard)}
    limits = [text for key, text in shown.items() if key.startswith("limits.")]
    requests = [text for key, text in shown.items() if not key.startswith("limits.")]
    return [name(obj), ", ".join(requests), ", ".join(limits), age(obj, now)]


def _limit_range(obj: Object, now: datetime) -> list[Cell]:
    return [name(obj), section(obj, "metadata").get("creationTimestamp")]


def _event(obj: Object, now: datetime) -> list[Cell]:
    first = obj.get("firstTimestamp") or obj.get("eventTime")
    series = section(obj, "series")
    last = series.get("lastObservedTime") or obj.get("lastTimestamp") or first
    about = section(obj, "involvedObject") or section(obj, "regarding")
    kind = str(about.get("kind", "")).lower()
    source = section(obj, "source")
    parts = [source.get("component") or obj.get("reportingComponent"), source.get("host")]
    return [
        since(last, now),
        str(obj.get("type", "")),
        str(obj.get("reason", "")),
        f"{kind}/{about['name']}" if about.get("name") else kind,
        str(about.get("fieldPath", "")),
        ", ".join(str(part) for part in parts if part),
        str(obj.get("message") or obj.get("note") or "").strip(),
        since(first, now),
        number(series, "count") or number(obj, "count") or 1,
        name(obj),
    ]


NODE = Printer(
    columns(
        "Name",
        "Status",
        "Roles",
        "Age",
        "Version",
        wide=("Internal-IP", "External-IP", "OS-Image", "Kernel-Version", "Container-Runtime"),
    ),
    _node,
)
NAMESPACE = Printer(columns("Name", "Status", "Age"), _namespace)
CONFIG_MAP = Printer(columns("Name", "#Data", "Age"), _config_map)
SECRET = Printer(columns("Name", "Type", "#Data", "Age"), _secret)
SERVICE_ACCOUNT = Printer(columns("Name", "#Secrets", "Age"), _service_account)
LEASE = Printer(columns("Name", "Holder", "Age"), _lease)
PRIORITY_CLASS = Printer(
    columns("Name", "#Value", "Global-Default", "Age", "PreemptionPolicy"), _priority_class
)
DISRUPTION_BUDGET = Printer(
    columns("Name", "Min Available", "Max Unavailable", "#Allowed Disruptions", "Age"),
    _disruption_budget,
)
QUOTA = Printer(columns("Name", "Request", "Limit", "Age"), _quota)
LIMIT_RANGE = Printer((Column("Name", format="name"), Column("Created At", "date")), _limit_range)
EVENT = Printer(
    (
        Column("Last Seen"),
        Column("Type"),
        Column("Reason"),
        Column("Object"),
        Column("Subobject", wide=True),
        Column("Source", wide=True),
        Column("Message"),
        Column("First Seen", wide=True),
        Column("Count", "integer", wide=True),
        Column("Name", format="name", wide=True),
    ),
    _event,
)
