"""Schemas compiled to shapes: what a Go struct would accept of a JSON tree, and say otherwise.

A shape returns the value as the API server's decoder would have it: unknown fields and nulls
are gone. Unknown fields and missing required ones are reported; a wrong type raises.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Protocol

from controlplane.api.schemas.definitions import definitions
from netcore.model.errors import KubehopError

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_QUANTITY = re.compile(r"([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)")
_LIMITS = {"int32": 2**31, "int64": 2**63, "": 2**63}


class WrongType(KubehopError):
    """A value that the kind's Go type cannot hold; worded as Go's JSON decoder does."""


@dataclass(slots=True)
class Findings:
    """What is noteworthy about an object that could be decoded. Paths as in `spec.ports[0].x`."""

    unknown: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


class Shape(Protocol):
    """One place of a schema."""

    go_type: str

    def take(self, value: Any, path: str, owner: str, found: Findings) -> Any:
        """The value as it is decoded. `owner` is the Go struct around it. Raises WrongType."""


def wrong_type(value: Any, path: str, owner: str, go_type: str) -> WrongType:
    """`json: cannot unmarshal string into Go struct field X.spec.replicas of type int32`."""
    kind = "number"
    if isinstance(value, bool):
        kind = "bool"
    elif isinstance(value, str | list | dict):
        kind = {str: "string", list: "array", dict: "object"}[type(value)]
    elif isinstance(value, int | float):
        kind = f"number {value}" if go_type.startswith("int") else "number"
    where = re.sub(r"\[[^]]*]", "", path)
    return WrongType(
        f"json: cannot unmarshal {kind} into Go struct field {owner}.{where} of type {go_type}"
    )


class Scalar:
    """Strings, numbers and booleans, with the formats that Go's types check."""

    def __init__(self, kind: str, form: str) -> None:
        self._kind = kind
        self._form = form
        self.go_type = {"boolean": "bool", "number": "float64"}.get(kind, kind)
        if kind == "integer":
            self.go_type = form or "int64"
        elif form == "byte":
            self.go_type = "[]uint8"

    def take(self, value: Any, path: str, owner: str, found: Findings) -> Any:
        if type(value) is float and self._kind == "integer" and value.is_integer():
            value = int(value)
        if not self._fits(value):
            raise wrong_type(value, path, owner, self.go_type)
        if self._form and self._kind == "string":
            self._check_form(value)
        return value

    def _fits(self, value: Any) -> bool:
        if self._kind == "string":
            return type(value) is str
        if self._kind == "boolean":
            return type(value) is bool
        if self._kind == "number":
            return type(value) in (int, float)
        limit = _LIMITS[self._form]
        return type(value) is int and -limit <= value < limit

    def _check_form(self, value: str) -> None:
        if self._form == "date-time" and not _TIME.fullmatch(value):
            raise WrongType(
                f'parsing time "{value}" as "2006-01-02T15:04:05Z07:00": cannot parse "{value}"'
            )
        if self._form == "byte":
            try:
                base64.b64decode(value, validate=True)
            except (binascii.Error, ValueError) as error:
                raise WrongType(f"illegal base64 data: {error}") from error


class IntOrString:
    """`80` or `"http"`."""

    go_type = "intstr.IntOrString"

    def take(self, value: Any, path: str, owner: str, found: Findings) -> Any:
        if type(value) not in (int, str):
            raise wrong_type(value, path, owner, self.go_type)
        return value


class Quantity:
    """`100m`, `2Gi`, or a number, which becomes text."""

    go_type = "resource.Quantity"

    def take(self, value: Any, path: str, owner: str, found: Findings) -> Any:
        if type(value) in (int, float):
            return str(value)
        if type(value) is not str:
            raise wrong_type(value, path, owner, self.go_type)
        if not _QUANTITY.fullmatch(value):
            raise WrongType(
                "quantities must match the regular expression "
                "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
            )
        return value


class Anything:
    """Free JSON."""

    go_type = "interface {}"

    def take(self, value: Any, path: str, owner: str, found: Findings) -> Any:
        return value


class Array:
    """A list of one shape."""

    def __init__(self, item: dict[str, Any]) -> None:
        self._schema = item
        self._item: Shape | None = None
        self.go_type = "[]" + _go_name(item)

    def take(self, value: Any, path: str, owner: str, found: Findings) -> Any:
        if type(value) is not list:
            raise wrong_type(value, path, owner, self.go_type)
        item = self._item
        if item is None:
            item = self._item = shape_of(self._schema)
        return [
            item.take(element, f"{path}[{index}]", owner, found)
            for index, element in enumerate(value)
            if element is not None
        ]


class Map:
    """Free keys, values of one shape."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._schema = values
        self.go_type = "map[string]" + _go_name(values)

    def take(self, value: Any, path: str, owner: str, found: Findings) -> Any:
        if type(value) is not dict:
            raise wrong_type(value, path, owner, self.go_type)
        shape = shape_of(self._schema)
        return {
            key: shape.take(element, f"{path}.{key}" if path else key, owner, found)
            for key, element in value.items()
            if element is not None
        }


class Struct:
    """Named fields."""

    def __init__(self, name: str, schema: dict[str, Any]) -> None:
        version, _, struct = name.rpartition(".")
        self._name = struct
        self.go_type = f"{version.rpartition('.')[2]}.{struct}"
        self._properties = schema["properties"]
        self._required = _required_scalars(schema)
        self._shapes: dict[str, Shape] = {}

    def take(self, value: Any, path: str, owner: str, found: Findings) -> Any:
        if type(value) is not dict:
            raise wrong_type(value, path, owner, self.go_type)
        prefix = f"{path}." if path else ""
        taken = {}
        for key, element in value.items():
            shape = self._shapes.get(key) or self._shape(key)
            if shape is None:
                found.unknown.append(prefix + key)
            elif element is not None:
                taken[key] = shape.take(element, prefix + key, self._name, found)
        for key in self._required:
            if key not in taken:
                found.missing.append(prefix + key)
        return taken

    def _shape(self, key: str) -> Shape | None:
        schema = self._properties.get(key)
        if schema is None:
            return None
        shape = self._shapes[key] = shape_of(schema)
        return shape


def _required_scalars(schema: dict[str, Any]) -> tuple[str, ...]:
    """Required fields that have no useful zero value in Go: lists and structs have one."""
    kinds = ("string", "integer")
    return tuple(
        name
        for name in schema.get("required", ())
        if schema["properties"][name].get("type") in kinds
        or _reference(schema["properties"][name]).endswith(".IntOrString")
    )


def _reference(schema: dict[str, Any]) -> str:
    """The name of the definition that a schema stands for, empty when it stands for itself."""
    target = schema.get("$ref") or (schema.get("allOf") or [{}])[0].get("$ref", "")
    return str(target).rpartition("/")[2]


def _go_name(schema: dict[str, Any]) -> str:
    name = _reference(schema)
    if not name:
        return inline_shape(schema).go_type
    version, _, struct = name.rpartition(".")
    return f"{version.rpartition('.')[2]}.{struct}"


def shape_of(schema: dict[str, Any]) -> Shape:
    """The shape of a schema; those of definitions are made once."""
    name = _reference(schema)
    return shape_of_definition(name) if name else inline_shape(schema)


@cache
def shape_of_definition(name: str) -> Shape:
    """The shape of a definition, as `io.k8s.api.core.v1.Pod`."""
    schema = definitions()[name]
    if name.endswith(".IntOrString"):
        return IntOrString()
    if name.endswith(".resource.Quantity"):
        return Quantity()
    if "properties" in schema:
        return Struct(name, schema)
    return inline_shape(schema)


def inline_shape(schema: dict[str, Any]) -> Shape:
    """The shape of a schema that stands where it is used."""
    kind = schema.get("type")
    if kind == "array":
        return Array(schema["items"])
    if kind == "object" and "additionalProperties" in schema:
        return Map(schema["additionalProperties"])
    if kind in ("string", "integer", "number", "boolean"):
        return Scalar(kind, schema.get("format", ""))
    return Anything()
