"""The table of HorizontalPodAutoscalers. Source: pkg/printers/internalversion/printers.go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controlplane.api.tables.column import (
    NONE,
    UNSET,
    Cell,
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

_UNKNOWN = "<unknown>"
_MAX_METRICS = 2


def _autoscaler(obj: Object, now: datetime) -> list[Cell]:
    spec, status = section(obj, "spec"), section(obj, "status")
    target = section(spec, "scaleTargetRef")
    least = spec.get("minReplicas")
    return [
        name(obj),
        f"{target.get('kind', '')}/{target.get('name', '')}",
        _targets(items(spec, "metrics")),
        UNSET if least is None else str(least),
        number(spec, "maxReplicas"),
        number(status, "currentReplicas"),
        age(obj, now),
    ]


def _targets(metrics: list[Any]) -> str:
    shown = [_metric(metric) for metric in metrics[:_MAX_METRICS] if isinstance(metric, dict)]
    surplus = len(metrics) - _MAX_METRICS
    text = ", ".join(shown) or NONE
    return f"{text} + {surplus} more..." if surplus > 0 else text


def _metric(metric: Object) -> str:
    """What is wanted; what there is, nobody measures."""
    kind = str(metric.get("type", ""))
    source = section(metric, kind[:1].lower() + kind[1:])
    target = section(source, "target")
    if target.get("averageUtilization") is not None:
        wanted = f"{target['averageUtilization']}%"
    elif target.get("averageValue") is not None:
        average = " (avg)" if kind in ("Object", "External") else ""
        wanted = f"{target['averageValue']}{average}"
    else:
        wanted = str(target.get("value", ""))
    label = f"{source['name']}: " if source.get("name") else ""
    return f"{label}{_UNKNOWN}/{wanted}"


AUTOSCALER = Printer(
    columns("Name", "Reference", "Targets", "MinPods", "#MaxPods", "#Replicas", "Age"),
    _autoscaler,
)
