"""Kubernetes objects as plain JSON trees: copies, references, small reads."""

from __future__ import annotations

from typing import Any


def copy_json(value: Any) -> Any:
    """A deep copy of a JSON tree, several times faster than copy.deepcopy."""
    if isinstance(value, dict):
        return {key: copy_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [copy_json(item) for item in value]
    return value


def name_of(obj: dict[str, Any]) -> str:
    """`metadata.name`, empty when there is none yet."""
    return str(obj["metadata"].get("name", ""))


def finalizers_of(obj: dict[str, Any]) -> list[str]:
    """What keeps a deleted object: its finalizers, and a Namespace's in its spec."""
    found = list(obj["metadata"].get("finalizers") or ())
    if obj.get("kind") == "Namespace":
        found += (obj.get("spec") or {}).get("finalizers") or ()
    return found


def content_of(obj: dict[str, Any]) -> dict[str, Any]:
    """Everything that `metadata.generation` counts the changes of."""
    outside = ("metadata", "status", "apiVersion", "kind")
    return {name: value for name, value in obj.items() if name not in outside}
