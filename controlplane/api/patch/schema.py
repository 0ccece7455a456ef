"""What patches need to know of a kind's schema: how lists and maps merge.

Everything is read from the `x-kubernetes-*` extensions of the published OpenAPI definitions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY_DEFAULTS: Mapping[str, Any] = {"protocol": "TCP"}
"""Defaults of list-map keys: the published definitions leave them out (`+default="TCP"`)."""


class SchemaNode(Protocol):
    """One place in the schema of a kind. Unknown places are `None`."""

    @property
    def kind(self) -> str:
        """`object` (named fields), `map` (free keys), `array` or `scalar`."""

    @property
    def atomic(self) -> bool:
        """Whether server-side apply owns this list or map as a whole."""

    @property
    def list_map_keys(self) -> tuple[str, ...]:
        """The key fields of a list of type `map`, else empty."""

    @property
    def is_set(self) -> bool:
        """Whether it is a list of type `set`."""

    @property
    def patch_strategy(self) -> frozenset[str]:
        """`x-kubernetes-patch-strategy`: any of `merge`, `retainKeys`, `replace`."""

    @property
    def patch_merge_key(self) -> str:
        """`x-kubernetes-patch-merge-key`, empty where there is none."""

    def field(self, name: str) -> SchemaNode | None:
        """The schema of a field of this object, or of a value of this map."""

    def requires(self, name: str) -> bool:
        """Whether the object always has this field."""

    def item(self) -> SchemaNode | None:
        """The schema of this list's items."""


class DefinitionNode:
    """A `SchemaNode` over OpenAPI definitions with `$ref`s.

    `place` is where the schema is used: a `$ref` and the extensions that stand beside it.
    """

    def __init__(self, definitions: Mapping[str, Any], place: Mapping[str, Any]) -> None:
        self._definitions = definitions
        self._place = place
        self._target = self._resolve(place)

    @classmethod
    def named(cls, definitions: Mapping[str, Any], name: str) -> DefinitionNode | None:
        """The definition called e.g. `io.k8s.api.core.v1.Pod`, None if there is no such one."""
        target = definitions.get(name)
        return None if target is None else cls(definitions, target)

    def _resolve(self, place: Mapping[str, Any]) -> Mapping[str, Any]:
        target = place
        for _ in range(8):
            reference = target.get("$ref") or _only_reference(target)
            if reference is None:
                break
            target = self._definitions.get(reference.rpartition("/")[2], {})
        return target

    def _extension(self, name: str) -> Any:
        return self._place.get(name, self._target.get(name))

    @property
    def kind(self) -> str:
        declared = self._target.get("type")
        types = (declared,) if isinstance(declared, str) else tuple(declared or ())
        if "array" in types:
            return "array"
        if "properties" in self._target:
            return "object"
        return "map" if "object" in types else "scalar"

    @property
    def atomic(self) -> bool:
        if self.kind == "array":
            return not self.list_map_keys and not self.is_set
        if self.kind == "map" and "additionalProperties" not in self._target:
            return True
        return bool(self._extension("x-kubernetes-map-type") == "atomic")

    @property
    def list_map_keys(self) -> tuple[str, ...]:
        if self._extension("x-kubernetes-list-type") != "map":
            return ()
        return tuple(self._extension("x-kubernetes-list-map-keys") or ())

    @property
    def is_set(self) -> bool:
        return bool(self._extension("x-kubernetes-list-type") == "set")

    @property
    def patch_strategy(self) -> frozenset[str]:
        return frozenset((self._extension("x-kubernetes-patch-strategy") or "").split(","))

    @property
    def patch_merge_key(self) -> str:
        return str(self._extension("x-kubernetes-patch-merge-key") or "")

    def field(self, name: str) -> SchemaNode | None:
        found = self._target.get("properties", {}).get(name)
        if found is None:
            found = self._target.get("additionalProperties")
        return DefinitionNode(self._definitions, found) if isinstance(found, dict) else None

    def requires(self, name: str) -> bool:
        return name in self._target.get("required", ())

    def item(self) -> SchemaNode | None:
        items = self._target.get("items")
        return DefinitionNode(self._definitions, items) if isinstance(items, dict) else None


def _only_reference(schema: Mapping[str, Any]) -> str | None:
    """The `$ref` of OpenAPI v3's `allOf: [{$ref: ...}]`."""
    parts = schema.get("allOf")
    return parts[0].get("$ref") if isinstance(parts, list) and len(parts) == 1 else None
