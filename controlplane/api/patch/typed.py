"""Objects seen through their schema: which fields they have, and how two of them merge.

Source: sigs.k8s.io/structured-merge-diff typed/ (tofieldset, merge, remove). Where the schema
is unknown, maps are granular and lists atomic.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from controlplane.api.patch.errors import PatchError
from controlplane.api.patch.order import merged_order
from controlplane.api.patch.paths import (
    Path,
    Paths,
    field_element,
    key_element,
    show,
    value_element,
    with_ancestors,
)
from controlplane.api.patch.schema import KEY_DEFAULTS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from controlplane.api.patch.schema import SchemaNode


class Branch(Enum):
    """What stands at a path that has more paths below it."""

    ITEM = "item"
    """A list item or map entry: a member of every field set of its object."""
    CONTAINER = "container"
    """The list or map itself, which only somebody who adds it owns."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a second object differs from a first one."""

    added: Paths
    modified: Paths
    removed: Paths

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not (self.added or self.modified or self.removed)


def field_paths(value: Any, schema: SchemaNode | None) -> Paths:
    """The field set of an applied object: its leaves, list items and map entries."""
    found = _flatten(value, schema)
    return frozenset(path for path, leaf in found.items() if leaf is not Branch.CONTAINER)


def places(value: Any, schema: SchemaNode | None) -> Paths:
    """Every path at which the object has something, empty lists and what is inside included."""
    return with_ancestors(_flatten(value, schema))


def compare(old: Any, new: Any, schema: SchemaNode | None) -> Comparison:
    """What `new` adds, changes and lacks."""
    before, after = _flatten(old, schema), _flatten(new, schema)
    return Comparison(
        added=frozenset(after.keys() - before.keys()),
        removed=frozenset(before.keys() - after.keys()),
        modified=frozenset(
            path for path in after.keys() & before.keys() if not _equal(after[path], before[path])
        ),
    )


def _equal(a: Any, b: Any) -> bool:
    return a == b and isinstance(a, bool) == isinstance(b, bool)


def _flatten(value: Any, schema: SchemaNode | None) -> dict[Path, Any]:
    found: dict[Path, Any] = {}
    _visit(value, schema, (), found)
    found.pop((), None)
    return found


def _visit(value: Any, schema: SchemaNode | None, path: Path, found: dict[Path, Any]) -> None:
    if isinstance(value, dict) and value and not (schema is not None and schema.atomic):
        _visit_map(value, schema, path, found)
    elif isinstance(value, list) and schema is not None and _is_granular(schema):
        if not value:
            found[path] = Branch.CONTAINER
        for element, item in elements(value, schema):
            place = (*path, element)
            _visit(item, schema.item(), place, found)
            found.setdefault(place, Branch.ITEM)
    else:
        found[path] = value


def _visit_map(
    value: dict[str, Any], schema: SchemaNode | None, path: Path, found: dict[Path, Any]
) -> None:
    has_free_keys = schema is None or schema.kind != "object"
    for name, child in value.items():
        place = (*path, field_element(name))
        below = None if schema is None else schema.field(name)
        _visit(child, below, place, found)
        if has_free_keys:
            found.setdefault(place, Branch.ITEM)
        elif below is not None and below.kind != "object" and not _always_there(schema, name):
            found.setdefault(place, Branch.CONTAINER)


def _always_there(schema: SchemaNode | None, name: str) -> bool:
    return schema is not None and schema.requires(name)


def _is_granular(schema: SchemaNode) -> bool:
    return schema.kind == "array" and not schema.atomic


def elements(items: list[Any], schema: SchemaNode) -> Iterable[tuple[str, Any]]:
    """The items of a granular list with their path elements, the first of equal ones only."""
    seen = set()
    for item in items:
        element = _element(item, schema)
        if element not in seen:
            seen.add(element)
            yield element, item


def _element(item: Any, schema: SchemaNode) -> str:
    keys = schema.list_map_keys
    if not keys or not isinstance(item, dict):
        return value_element(item)
    found = {key: item.get(key, KEY_DEFAULTS.get(key)) for key in keys}
    return key_element({key: value for key, value in found.items() if value is not None})


def merge(live: Any, applied: Any, schema: SchemaNode | None) -> Any:
    """`live` with everything that `applied` says; neither is changed. `null` removes."""
    if isinstance(applied, dict) and isinstance(live, dict | None):
        if schema is not None and schema.atomic:
            return applied
        return _merge_map(live or {}, applied, schema)
    if isinstance(applied, list) and schema is not None and _is_granular(schema):
        return _merge_list(live if isinstance(live, list) else [], applied, schema)
    return applied


def _merge_map(
    live: dict[str, Any], applied: dict[str, Any], schema: SchemaNode | None
) -> dict[str, Any]:
    result = dict(live)
    for name, value in applied.items():
        if value is None:
            result.pop(name, None)
        else:
            below = None if schema is None else schema.field(name)
            result[name] = merge(result.get(name), value, below)
    return result


def _merge_list(live: list[Any], applied: list[Any], schema: SchemaNode) -> list[Any]:
    before, wanted = dict(elements(live, schema)), dict(elements(applied, schema))
    item_schema = schema.item()
    return [
        merge(before.get(element), wanted[element], item_schema)
        if element in wanted
        else before[element]
        for element in merged_order([*wanted], [*before])
    ]


def remove(value: Any, gone: Paths, schema: SchemaNode | None) -> Any:
    """The value without what stands at these paths; the argument is not changed."""
    trie: dict[str, Any] = {}
    for path in gone:
        node = trie
        for element in path:
            node = node.setdefault(element, {})
        node["."] = True
    return _remove(value, trie, schema)


def _remove(value: Any, trie: dict[str, Any], schema: SchemaNode | None) -> Any:
    if isinstance(value, dict):
        result = {}
        for name, child in value.items():
            below = trie.get(field_element(name))
            if below is None:
                result[name] = child
            elif "." not in below:
                result[name] = _remove(child, below, schema.field(name) if schema else None)
        return result
    if isinstance(value, list) and schema is not None and _is_granular(schema):
        kept = []
        for item in value:
            below = trie.get(_element(item, schema))
            if below is None:
                kept.append(item)
            elif "." not in below:
                kept.append(_remove(item, below, schema.item()))
        return kept
    return value


def check(value: Any, schema: SchemaNode | None, path: Path = ()) -> None:
    """Raises PatchError for a field that the schema does not have, or items without their key."""
    if schema is None:
        return
    if isinstance(value, dict) and schema.kind in ("object", "map"):
        for name, child in value.items():
            place = (*path, field_element(name))
            below = schema.field(name)
            if below is None and schema.kind == "object":
                raise PatchError(f"{show(place)}: field not declared in schema")
            check(child, below, place)
    elif isinstance(value, list) and schema.kind == "array":
        _check_items(value, schema, path)


def _check_items(items: list[Any], schema: SchemaNode, path: Path) -> None:
    seen = set()
    for index, item in enumerate(items):
        for key in schema.list_map_keys:
            if not isinstance(item, dict) or item.get(key, KEY_DEFAULTS.get(key)) is None:
                raise PatchError(
                    f"{show(path)}: element {index}: associative list with keys has an element "
                    f'that omits key field "{key}" (and doesn\'t have default value)'
                )
        place = (*path, _element(item, schema) if _is_granular(schema) else f"i:{index}")
        if place in seen:
            raise PatchError(f"{show(path)}: duplicate entries for key {show(place[-1:])}")
        seen.add(place)
        check(item, schema.item(), place)
