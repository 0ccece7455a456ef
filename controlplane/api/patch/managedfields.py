"""`metadata.managedFields`: who owns which fields, and how a plain write changes that.

Source: k8s.io/apimachinery pkg/util/managedfields and structured-merge-diff merge/update.go.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from controlplane.api.patch.paths import Path, Paths, from_fields_v1, to_fields_v1
from controlplane.api.patch.typed import compare

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from controlplane.api.patch.schema import SchemaNode

Operation = Literal["Apply", "Update"]
MAX_UPDATERS = 10
"""More Update entries than this are merged into one, oldest first."""
ANCIENT = "ancient-changes"
MAX_MANAGER_LENGTH = 128

_METADATA = (
    "name", "namespace", "creationTimestamp", "selfLink", "uid", "clusterName", "generation",
    "managedFields", "resourceVersion",
)  # fmt: skip
_UNTRACKED: Paths = frozenset(
    [
        ("f:apiVersion",),
        ("f:kind",),
        ("f:metadata",),
        *(("f:metadata", f"f:{name}") for name in _METADATA),
    ]
)


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes, with which version of the API, and when (RFC 3339)."""

    manager: str
    api_version: str
    now: str
    subresource: str = ""


@dataclass(frozen=True, slots=True)
class Ownership:
    """One entry of managedFields."""

    manager: str
    operation: Operation
    api_version: str
    time: str
    subresource: str
    paths: Paths

    @property
    def identity(self) -> tuple[str, str, str, str]:
        """What makes two entries the same one. An applier keeps its entry across versions."""
        version = self.api_version if self.operation == "Update" else ""
        return (self.manager, self.operation, version, self.subresource)

    @classmethod
    def of(cls, writer: Writer, operation: Operation, paths: Paths) -> Ownership:
        """A new entry for this writer."""
        return cls(
            writer.manager, operation, writer.api_version, writer.now, writer.subresource, paths
        )

    def __str__(self) -> str:
        shown = f'"{self.manager}"'
        if self.subresource:
            shown += f' with subresource "{self.subresource}"'
        return f"{shown} using {self.api_version}" if self.operation == "Update" else shown


Owners = dict[tuple[str, str, str, str], Ownership]


def manager_name(field_manager: str | None, user_agent: str) -> str:
    """The `fieldManager` parameter, or the User-Agent up to its first slash."""
    return (field_manager or user_agent.partition("/")[0] or "unknown")[:MAX_MANAGER_LENGTH]


def tracked(paths: Iterable[Path]) -> Paths:
    """The paths without those that nobody owns: identity and what the server sets."""
    return frozenset(paths) - _UNTRACKED


def decode_owners(obj: Mapping[str, Any] | None) -> Owners:
    """The entries of an object's managedFields. Raises ValueError when they are malformed."""
    entries = ((obj or {}).get("metadata") or {}).get("managedFields") or []
    owners: Owners = {}
    for entry in entries:
        if not isinstance(entry, dict) or entry.get("operation") not in ("Apply", "Update"):
            raise ValueError("managedFields: operation is neither Apply nor Update")
        ownership = Ownership(
            manager=str(entry.get("manager") or ""),
            operation=entry["operation"],
            api_version=str(entry.get("apiVersion") or ""),
            time=str(entry.get("time") or ""),
            subresource=str(entry.get("subresource") or ""),
            paths=from_fields_v1(entry.get("fieldsV1") or {}),
        )
        owners[ownership.identity] = ownership
    return owners


def encode_owners(owners: Owners) -> list[dict[str, Any]]:
    """managedFields: appliers first, then by time and manager; owners of nothing left out."""
    kept = [owner for owner in owners.values() if owner.paths]
    kept.sort(key=lambda o: (o.operation, o.time, o.manager, o.api_version, o.subresource))
    return [_encode(owner) for owner in kept]


def _encode(owner: Ownership) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "manager": owner.manager,
        "operation": owner.operation,
        "apiVersion": owner.api_version,
        "time": owner.time,
        "fieldsType": "FieldsV1",
        "fieldsV1": to_fields_v1(owner.paths),
        "subresource": owner.subresource,
    }
    return {name: value for name, value in entry.items() if value != ""}


def with_owners(obj: dict[str, Any], owners: Owners) -> dict[str, Any]:
    """A copy of the object with these managedFields."""
    metadata = dict(obj.get("metadata") or {})
    entries = encode_owners(owners)
    metadata.pop("managedFields", None)
    if entries:
        metadata["managedFields"] = entries
    return {**obj, "metadata": metadata}


def track_update(
    live: dict[str, Any] | None, new: dict[str, Any], schema: SchemaNode | None, writer: Writer
) -> dict[str, Any]:
    """`new` with managedFields after a create, update or patch by `writer`.

    What the writer added or changed is now its own and nobody else's; what is gone is nobody's.
    A write that changes nothing leaves all entries, times included, as they were. managedFields
    in `new` count when they are well-formed: a client may edit them, `[{}]` drops them all.
    """
    owners = _owners_for_update(live, new)
    changes = compare(live or {}, new, schema)
    taken = _settable(tracked(changes.added | changes.modified), writer.subresource)
    key = Ownership.of(writer, "Update", frozenset()).identity
    mine = owners.get(key)
    result = {
        identity: replace(owner, paths=owner.paths - changes.removed - taken)
        for identity, owner in owners.items()
        if identity != key
    }
    before = mine.paths if mine else frozenset()
    paths = (before - changes.removed) | taken
    if mine is not None and paths == before:
        result[key] = mine
    elif paths:
        time = writer.now if taken - before or mine is None else mine.time
        result[key] = replace(Ownership.of(writer, "Update", paths), time=time)
    return with_owners(new, _bounded(result))


def _settable(paths: Paths, subresource: str) -> Paths:
    """Without the status, which nobody sets through the main resource."""
    if subresource:
        return paths
    return frozenset(path for path in paths if path[0] != "f:status")


def _owners_for_update(live: dict[str, Any] | None, new: dict[str, Any]) -> Owners:
    given = (new.get("metadata") or {}).get("managedFields")
    if given == [{}]:
        return {}
    try:
        sent = decode_owners(new)
    except ValueError:
        sent = {}
    return sent or owners_of_stored(live)


def owners_of_stored(live: dict[str, Any] | None) -> Owners:
    """The owners in a stored object; malformed ones count as none."""
    try:
        return decode_owners(live)
    except ValueError:
        return {}


def _bounded(owners: Owners) -> Owners:
    updates = sorted((o for o in owners.values() if o.operation == "Update"), key=lambda o: o.time)
    surplus = updates[: max(0, len(updates) - MAX_UPDATERS + 1)]
    if len(updates) <= MAX_UPDATERS:
        return owners
    result = {key: owner for key, owner in owners.items() if owner not in surplus}
    merged = replace(
        surplus[-1],
        manager=ANCIENT,
        subresource="",
        paths=frozenset().union(*(owner.paths for owner in surplus)),
    )
    return result | {merged.identity: merged}
