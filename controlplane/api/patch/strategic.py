"""Strategic merge patch: lists merge by key where the schema says so.

Directives: `$patch: replace|delete|merge`, `$retainKeys`, `$setElementOrder/<list>`,
`$deleteFromPrimitiveList/<list>`.
Source: k8s.io/apimachinery pkg/util/strategicpatch (patch.go).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from controlplane.api.patch.errors import PatchError
from controlplane.api.patch.order import merged_order

if TYPE_CHECKING:
    from collections.abc import Iterable

    from controlplane.api.patch.schema import SchemaNode

_PATCH = "$patch"
_RETAIN_KEYS = "$retainKeys"
_ELEMENT_ORDER = "$setElementOrder/"
_DELETE_PRIMITIVE = "$deleteFromPrimitiveList/"


def strategic_merge(
    target: dict[str, Any], patch: dict[str, Any], schema: SchemaNode | None
) -> dict[str, Any]:
    """The target after the patch. Neither argument is changed; parts may be shared.

    Without a schema every list is replaced. Raises PatchError for a malformed directive or a
    list item without its merge key.
    """
    directive = patch.get(_PATCH)
    if directive == "replace":
        return _without(patch, (_PATCH,))
    if directive == "delete":
        return {}
    if directive not in (None, "merge"):
        raise PatchError(f"Unknown patch directive: {directive!r}")
    result = _retained(target, patch)
    for name, value in _fields(patch):
        if value is None:
            result.pop(name, None)
        else:
            result[name] = _merge_value(result.get(name), value, _child(schema, name))
    for name in _directed(patch):
        _merge_directed(result, patch, name, _child(schema, name))
    return result


def _child(schema: SchemaNode | None, name: str) -> SchemaNode | None:
    return None if schema is None else schema.field(name)


def _fields(patch: dict[str, Any]) -> Iterable[tuple[str, Any]]:
    """What the patch sets without directives of a list beside it."""
    directed = set(_directed(patch))
    for name, value in patch.items():
        if not name.startswith("$") and name not in directed:
            yield name, value


def _directed(patch: dict[str, Any]) -> list[str]:
    """The lists that the patch orders or deletes from."""
    names = []
    for name in patch:
        for prefix in (_ELEMENT_ORDER, _DELETE_PRIMITIVE):
            if name.startswith(prefix):
                names.append(name.removeprefix(prefix))
    return list(dict.fromkeys(names))


def _retained(target: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    keys = patch.get(_RETAIN_KEYS)
    if keys is None:
        return dict(target)
    if not isinstance(keys, list):
        raise PatchError(f"{_RETAIN_KEYS} has to be a list of field names")
    set_by_patch = {name for name, value in _fields(patch) if value is not None}
    if not set_by_patch <= set(map(str, keys)):
        missing = ", ".join(sorted(set_by_patch - set(map(str, keys))))
        raise PatchError(f"{_RETAIN_KEYS} has to name every field that the patch sets: {missing}")
    return {name: value for name, value in target.items() if name in keys}


def _merge_value(live: Any, patch: Any, schema: SchemaNode | None) -> Any:
    if isinstance(patch, dict):
        if schema is not None and "replace" in schema.patch_strategy:
            return _without(patch, (_PATCH, _RETAIN_KEYS))
        return strategic_merge(live if isinstance(live, dict) else {}, patch, schema)
    if isinstance(patch, list):
        return _merge_list(live if isinstance(live, list) else [], patch, schema)
    return patch


def _merge_list(live: list[Any], patch: list[Any], schema: SchemaNode | None) -> list[Any]:
    if schema is None or "merge" not in schema.patch_strategy:
        return patch
    if _holds_maps(live) or _holds_maps(patch):
        return _merge_maps(live, patch, schema)
    return _unique([*live, *patch])


def _holds_maps(items: list[Any]) -> bool:
    return any(isinstance(item, dict) for item in items)


def _merge_maps(live: list[Any], patch: list[Any], schema: SchemaNode) -> list[Any]:
    key = schema.patch_merge_key
    if not key:
        raise PatchError("cannot merge a list of objects that has no merge key")
    result = list(live)
    if any(isinstance(item, dict) and item.get(_PATCH) == "replace" for item in patch):
        patch = [item for item in patch if item.get(_PATCH) != "replace"]
        result = []
    for item in patch:
        if not isinstance(item, dict) or key not in item:
            raise PatchError(f"map: {_shown(item)} does not contain declared merge key: {key}")
        _merge_item(result, item, key, schema.item())
    return result


def _merge_item(
    result: list[Any], patch: dict[str, Any], key: str, schema: SchemaNode | None
) -> None:
    same = [i for i, item in enumerate(result) if _key_of(item, key) == patch[key]]
    if patch.get(_PATCH) == "delete":
        for index in reversed(same):
            del result[index]
    elif same:
        result[same[0]] = strategic_merge(result[same[0]], patch, schema)
    else:
        result.append(strategic_merge({}, patch, schema))


def _key_of(item: Any, key: str) -> Any:
    return item.get(key) if isinstance(item, dict) else None


def _merge_directed(
    result: dict[str, Any], patch: dict[str, Any], name: str, schema: SchemaNode | None
) -> None:
    """Deletes from, merges into and orders one list that has directives beside it."""
    found = result.get(name)
    live: list[Any] = found if isinstance(found, list) else []
    gone = _directive_list(patch, _DELETE_PRIMITIVE + name)
    merged = [item for item in live if item not in gone]
    if name in patch:
        if not isinstance(patch[name], list):
            result.pop(name, None)
            return
        merged = _merge_list(merged, patch[name], schema)
    if _ELEMENT_ORDER + name in patch:
        merged = _ordered(merged, live, _directive_list(patch, _ELEMENT_ORDER + name), schema)
    if merged or name in result or name in patch:
        result[name] = merged


def _directive_list(patch: dict[str, Any], directive: str) -> list[Any]:
    value = patch.get(directive, [])
    if not isinstance(value, list):
        raise PatchError(f"{directive} has to be a list")
    return value


def _ordered(
    merged: list[Any], live: list[Any], order: list[Any], schema: SchemaNode | None
) -> list[Any]:
    merge_key = schema.patch_merge_key if schema is not None else ""

    def identity(item: Any) -> str:
        return _shown(_key_of(item, merge_key) if isinstance(item, dict) and merge_key else item)

    by_key: dict[str, list[Any]] = {}
    for item in merged:
        by_key.setdefault(identity(item), []).append(item)
    wanted = [key for key in map(identity, order) if key in by_key]
    current = [key for key in map(identity, live) if key in by_key]
    keys = dict.fromkeys([*merged_order(wanted, current), *by_key])
    return [item for key in keys for item in by_key[key]]


def _unique(items: list[Any]) -> list[Any]:
    return list({_shown(item): item for item in items}.values())


def _shown(item: Any) -> str:
    return json.dumps(item, sort_keys=True, separators=(",", ":"))


def _without(patch: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name, value in patch.items() if name not in names}
