"""Sets of field paths, as `managedFields` records them (FieldsV1) and conflicts show them.

A path is a tuple of elements: `f:<name>` a field or map key, `k:<json>` the item of a list of
type map with these key fields, `v:<json>` an item of a set.
Source: sigs.k8s.io/structured-merge-diff fieldpath/serialize-pe.go.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Path = tuple[str, ...]
Paths = frozenset[Path]

_MAX_DEPTH = 64


def field_element(name: str) -> str:
    """The element of a named field or a map key."""
    return "f:" + name


def key_element(keys: Mapping[str, Any]) -> str:
    """The element of a list item that these key fields identify."""
    return "k:" + json.dumps(keys, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def value_element(value: Any) -> str:
    """The element of a member of a set."""
    return "v:" + json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def to_fields_v1(paths: Paths) -> dict[str, Any]:
    """The FieldsV1 trie: `.` marks a member that also has members below it."""
    root: dict[str, Any] = {}
    for path in sorted(paths):
        node = root
        for depth, element in enumerate(path):
            if depth and not node and path[:depth] in paths:
                node["."] = {}
            node = node.setdefault(element, {})
    return root


def from_fields_v1(fields: Mapping[str, Any]) -> Paths:
    """The paths of a FieldsV1 trie. Raises ValueError for anything that is none."""
    found: set[Path] = set()
    _collect(fields, (), found)
    return frozenset(found)


def _collect(node: Any, path: Path, found: set[Path]) -> None:
    if not isinstance(node, dict) or len(path) > _MAX_DEPTH:
        raise ValueError("FieldsV1 is a tree of objects")
    if path and (not node or "." in node):
        found.add(path)
    for element, child in node.items():
        if element == ".":
            continue
        if element[:2] not in ("f:", "k:", "v:", "i:"):
            raise ValueError(f"unknown path element {element!r}")
        _collect(child, (*path, element), found)


def with_ancestors(paths: Iterable[Path]) -> Paths:
    """The paths and everything that they are inside of."""
    return frozenset(path[:depth] for path in paths for depth in range(1, len(path) + 1))


def show(path: Path) -> str:
    """As messages write it: `.spec.containers[name="web"].image`."""
    return "".join(map(_show_element, path))


def _show_element(element: str) -> str:
    kind, text = element[:2], element[2:]
    if kind == "f:":
        return "." + text
    if kind == "v:":
        return f"[={text}]"
    try:
        keys = json.loads(text)
        shown = (f"{name}={json.dumps(value)}" for name, value in sorted(keys.items()))
        return f"[{','.join(shown)}]"
    except (ValueError, AttributeError):
        return f"[{text}]"
