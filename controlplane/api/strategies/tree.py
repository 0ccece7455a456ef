"""Walking JSON trees that no schema has checked yet.

Defaults run before the schema does, so that a user's `ports: 80` must not become a traceback:
what has another type than expected counts as absent here, and the schema complains later.
"""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]


def child(obj: Object, *path: str) -> Object:
    """The mapping at `path`, or an empty one which is not part of the tree."""
    for key in path:
        found = obj.get(key)
        if not isinstance(found, dict):
            return {}
        obj = found
    return obj


def grow(obj: Object, *path: str) -> Object:
    """The mapping at `path`, made where it is missing."""
    for key in path:
        found = obj.get(key)
        if found is None:
            found = obj[key] = {}
        if not isinstance(found, dict):
            return {}
        obj = found
    return obj


def children(obj: Object, key: str) -> list[Object]:
    """The mappings in the list at `key`."""
    found = obj.get(key)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def texts(obj: Object, key: str) -> list[str]:
    """The strings in the list at `key`."""
    found = obj.get(key)
    return [item for item in found if isinstance(item, str)] if isinstance(found, list) else []


def set_default(obj: Object, key: str, value: Any) -> None:
    """Sets `key` where it is absent, null or the empty string."""
    if obj.get(key) in (None, ""):
        obj[key] = value


def number(value: Any) -> int | None:
    """The value when it is an integer (a boolean is none)."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None
