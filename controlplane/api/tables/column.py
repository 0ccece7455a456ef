"""What a table of one kind is made of, and the cells that many kinds share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from controlplane.api.tables.age import since

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

Object = dict[str, Any]
Cell = str | int | bool | None
NONE = "<none>"
UNSET = "<unset>"
MAX_LISTED = 3
"""Endpoints and ports that a cell names before it says how many more there are."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column; `wide` ones are shown with `-o wide` only."""

    name: str
    type: str = "string"
    format: str = ""
    wide: bool = False

    def to_json(self) -> Object:
        """The TableColumnDefinition."""
        return {
            "name": self.name,
            "type": self.type,
            "format": self.format,
            "description": "",
            "priority": 1 if self.wide else 0,
        }


@dataclass(frozen=True, slots=True)
class Printer:
    """The columns of a kind and the cells of one object; cells must fit the columns."""

    columns: tuple[Column, ...]
    cells: Callable[[Object, datetime], list[Cell]]
    conditions: Callable[[Object], list[Object]] = field(default=lambda obj: [])


NAME = Column("Name", format="name")


def columns(*names: str, wide: Iterable[str] = ()) -> tuple[Column, ...]:
    """Text columns by name; `#Name` marks a number."""
    plain = tuple(_column(name, wide=False) for name in names)
    return plain + tuple(_column(name, wide=True) for name in wide)


def _column(name: str, *, wide: bool) -> Column:
    if name == "Name":
        return Column("Name", format="name", wide=wide)
    if name.startswith("#"):
        return Column(name[1:], "integer", wide=wide)
    return Column(name, wide=wide)


def section(obj: Any, *path: str) -> Object:
    """The map at that path, empty where there is none."""
    for name in path:
        obj = obj.get(name) if isinstance(obj, dict) else None
    return obj if isinstance(obj, dict) else {}


def items(obj: Any, *path: str) -> list[Any]:
    """The list at that path, empty where there is none."""
    found = section(obj, *path[:-1]).get(path[-1])
    return found if isinstance(found, list) else []


def name(obj: Object) -> str:
    """metadata.name."""
    return str(section(obj, "metadata").get("name", ""))


def age(obj: Object, now: datetime) -> str:
    """How old the object is."""
    return since(section(obj, "metadata").get("creationTimestamp"), now)


def number(found: Mapping[str, Any], key: str, default: int = 0) -> int:
    """A number of a status or spec, absent ones as `default`."""
    value = found.get(key)
    return value if isinstance(value, int) else default


def labels(found: Mapping[str, Any] | None) -> str:
    """`a=1,b=2`, or `<none>`."""
    return ",".join(f"{key}={value}" for key, value in sorted((found or {}).items())) or NONE


def selector(found: Mapping[str, Any] | None) -> str:
    """A LabelSelector as text, `<none>` for one that selects everything."""
    if not found:
        return NONE
    wanted = [f"{key}={value}" for key, value in sorted((found.get("matchLabels") or {}).items())]
    for rule in found.get("matchExpressions") or []:
        wanted.append(_requirement(rule))
    return ",".join(wanted) or NONE


def _requirement(rule: Mapping[str, Any]) -> str:
    key, values = rule.get("key", ""), ",".join(sorted(rule.get("values") or []))
    shown = {
        "In": f"{key} in ({values})",
        "NotIn": f"{key} notin ({values})",
        "Exists": f"{key}",
        "DoesNotExist": f"!{key}",
    }
    return shown.get(str(rule.get("operator")), f"{key}")


def first_of(found: list[str], empty: str) -> str:
    """The first MAX_LISTED, and how many more there are."""
    shown = ",".join(found[:MAX_LISTED])
    surplus = len(found) - MAX_LISTED
    return f"{shown} + {surplus} more..." if surplus > 0 else shown or empty


def containers_and_images(pod_spec: Mapping[str, Any]) -> list[Cell]:
    """The names and the images of a template's containers, two cells."""
    found = pod_spec.get("containers") or []
    names = ",".join(str(container.get("name", "")) for container in found)
    return [names, ",".join(str(container.get("image", "")) for container in found)]
