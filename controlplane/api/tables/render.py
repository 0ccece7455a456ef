"""Objects as a meta.k8s.io/v1 Table."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from controlplane.api.tables.registry import printer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controlplane.api.resources import Resource
    from controlplane.api.tables.column import Object, Printer


def to_table(
    resource: Resource,
    objects: Sequence[Object],
    *,
    include_object: str = "Metadata",
    list_meta: Object | None = None,
    headed: bool = True,
    now: datetime | None = None,
) -> Object:
    """The Table of these objects, one row each.

    `include_object` is `None`, `Metadata` (a PartialObjectMetadata with each row) or `Object`.
    `headed` is False for all but the first table of a watch. Ages count from `now`.
    """
    shown_by = printer(resource.group, resource.kind)
    moment = now or datetime.now(UTC)
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": list_meta or {},
        "columnDefinitions": [column.to_json() for column in shown_by.columns] if headed else None,
        "rows": [_row(shown_by, obj, include_object, moment) for obj in objects],
    }


def _row(shown_by: Printer, obj: Object, include_object: str, now: datetime) -> Object:
    row: Object = {"cells": shown_by.cells(obj, now)}
    conditions = shown_by.conditions(obj)
    if conditions:
        row["conditions"] = conditions
    if include_object == "Object":
        row["object"] = obj
    elif include_object != "None":
        row["object"] = {
            "kind": "PartialObjectMetadata",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": obj.get("metadata") or {},
        }
    return row
