"""Server-side apply: a manager says what it wants, and owns exactly that.

Source: structured-merge-diff merge/update.go and k8s.io/apimachinery pkg/util/managedfields.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from controlplane.api.patch.managedfields import (
    Owners,
    Ownership,
    Writer,
    owners_of_stored,
    tracked,
    with_owners,
)
from controlplane.api.patch.paths import Path, Paths, show, with_ancestors
from controlplane.api.patch.typed import check, compare, field_paths, merge, places, remove
from netcore.model.errors import KubehopError

if TYPE_CHECKING:
    from controlplane.api.patch.schema import SchemaNode

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_MAX_LAST_APPLIED_BYTES = 256 * 1024
_NEVER_PRUNED: Paths = frozenset([("f:metadata",), ("f:apiVersion",), ("f:kind",)])


class ApplyConflict(KubehopError):
    """Somebody else owns fields that would change. `conflicts` are sorted by owner and path."""

    def __init__(self, conflicts: list[tuple[Ownership, Path]]) -> None:
        super().__init__(_describe(conflicts))
        self.conflicts = conflicts

    def causes(self) -> list[dict[str, str]]:
        """The causes of the Status."""
        return [
            {
                "reason": "FieldManagerConflict",
                "message": f"conflict with {owner}",
                "field": show(path),
            }
            for owner, path in self.conflicts
        ]


def _describe(conflicts: list[tuple[Ownership, Path]]) -> str:
    if len(conflicts) == 1:
        owner, path = conflicts[0]
        return f"Apply failed with 1 conflict: conflict with {owner}: {show(path)}"
    lines, last = [], None
    for owner, path in conflicts:
        if owner is not last:
            lines.append(f"conflicts with {owner}:")
            last = owner
        lines.append(f"- {show(path)}")
    return f"Apply failed with {len(conflicts)} conflicts: " + "\n".join(lines)


def apply(
    live: dict[str, Any] | None,
    applied: dict[str, Any],
    schema: SchemaNode | None,
    writer: Writer,
    *,
    force: bool = False,
) -> dict[str, Any]:
    """The object after `writer` applied its configuration, with its managedFields.

    Fields that the manager applied before and now left out go, unless somebody else owns them.
    Nothing, not even a time, changes when the configuration was already in force.
    Raises ApplyConflict (never with `force`) and PatchError for what the schema does not know.
    """
    check(applied, schema)
    owners = _owners(live, schema, writer)
    mine = Ownership.of(writer, "Apply", tracked(field_paths(applied, schema)))
    last = owners.pop(mine.identity, None)
    merged = merge(live or {}, applied, schema)
    if last is not None:
        kept = mine.paths.union(*(owner.paths for owner in owners.values()))
        gone = with_ancestors(last.paths) - with_ancestors(kept) - places(applied, schema)
        merged = remove(merged, gone - _NEVER_PRUNED, schema)
    changes = compare(live or {}, merged, schema)
    if not force:
        _check_conflicts(_conflicts(owners, changes.added | changes.modified), live, schema, writer)
    lost = changes.added | changes.modified | changes.removed
    owners = {key: replace(owner, paths=owner.paths - lost) for key, owner in owners.items()}
    unchanged = last is not None and last.paths == mine.paths and changes.same
    owners[mine.identity] = last if last is not None and unchanged else mine
    if _is_kubectl(writer):
        merged = _refresh_last_applied(merged, applied)
    return with_owners(merged, owners)


def _owners(live: dict[str, Any] | None, schema: SchemaNode | None, writer: Writer) -> Owners:
    """The owners; what is in an object that has none belongs to `before-first-apply`."""
    owners = owners_of_stored(live)
    if live is None or owners:
        return owners
    origin = replace(writer, manager="before-first-apply", subresource="")
    first = Ownership.of(origin, "Update", tracked(field_paths(live, schema)))
    return {first.identity: first}


def _conflicts(owners: Owners, changed: Paths) -> list[tuple[Ownership, Path]]:
    found = [(owner, path) for owner in owners.values() for path in owner.paths & changed]
    return sorted(found, key=lambda pair: (str(pair[0]), pair[1]))


def _check_conflicts(
    conflicts: list[tuple[Ownership, Path]],
    live: dict[str, Any] | None,
    schema: SchemaNode | None,
    writer: Writer,
) -> None:
    if _is_kubectl(writer):
        conflicts = _without_last_applied(conflicts, live, schema)
    if conflicts:
        raise ApplyConflict(conflicts)


def _is_kubectl(writer: Writer) -> bool:
    return writer.manager == "kubectl" and not writer.subresource


def _last_applied(obj: dict[str, Any] | None) -> dict[str, Any] | None:
    annotations = ((obj or {}).get("metadata") or {}).get("annotations") or {}
    try:
        found = json.loads(annotations.get(LAST_APPLIED, ""))
    except (ValueError, TypeError):
        return None
    return found if isinstance(found, dict) else None


def _without_last_applied(
    conflicts: list[tuple[Ownership, Path]],
    live: dict[str, Any] | None,
    schema: SchemaNode | None,
) -> list[tuple[Ownership, Path]]:
    """Who moves from client-side to server-side apply does not conflict with oneself.

    A field still as `kubectl apply` left it may change: the annotation proves whose it is.
    """
    before = _last_applied(live)
    if before is None:
        return conflicts
    differing = compare(before, live, schema)
    unchanged = field_paths(before, schema) - differing.modified - differing.removed
    return [(owner, path) for owner, path in conflicts if path not in unchanged]


def _refresh_last_applied(merged: dict[str, Any], applied: dict[str, Any]) -> dict[str, Any]:
    """Keeps the annotation of client-side apply right, so that one can go back to it."""
    if _last_applied(merged) is None:
        return merged
    text = json.dumps(applied, separators=(",", ":")) + "\n"
    metadata = dict(merged["metadata"])
    annotations = dict(metadata["annotations"])
    annotations[LAST_APPLIED] = text
    if len(text) > _MAX_LAST_APPLIED_BYTES:
        del annotations[LAST_APPLIED]
    return {**merged, "metadata": {**metadata, "annotations": annotations}}
