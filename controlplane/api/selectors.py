"""Label and field selectors: parsed once, then matched against objects.

Grammar: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/ and
field-selectors/. Wording of errors as in k8s.io/apimachinery pkg/labels and pkg/fields.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from controlplane.api.errors import bad_request
from controlplane.api.fields import selectable_field

if TYPE_CHECKING:
    from collections.abc import Mapping

    from controlplane.api.resources import Resource

_KEY = r"[A-Za-z0-9](?:[-A-Za-z0-9_./]*[A-Za-z0-9])?"
_VALUE = r"[A-Za-z0-9]?(?:[-A-Za-z0-9_.]*[A-Za-z0-9])?"
_SET = re.compile(rf"\s*({_KEY})\s+(in|notin)\s*\(([^()]*)\)\s*")
_COMPARE = re.compile(rf"\s*({_KEY})\s*(==|=|!=|>|<)\s*({_VALUE})\s*")
_EXISTS = re.compile(rf"\s*(!?)\s*({_KEY})\s*")
_FIELD = re.compile(r"((?:\\.|[^\\=!])*?)(==|!=|=)(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on one label. `operator` is in, notin, exists, absent, gt or lt."""

    key: str
    operator: str
    values: frozenset[str] = frozenset()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether these labels meet it. A missing label meets `notin` and `absent`."""
        value = labels.get(self.key)
        if self.operator == "in":
            return value in self.values
        if self.operator == "notin":
            return value not in self.values
        if self.operator in ("exists", "absent"):
            return (value is not None) == (self.operator == "exists")
        try:
            number, bound = int(value or ""), int(next(iter(self.values)))
        except ValueError:
            return False
        return number > bound if self.operator == "gt" else number < bound


@dataclass(frozen=True, slots=True)
class FieldRequirement:
    """One field equal (or, negated, not equal) to a value."""

    path: str
    value: str
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Selection:
    """What a list or a watch asks for: every requirement has to match."""

    labels: tuple[Requirement, ...] = ()
    fields: tuple[FieldRequirement, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.labels or self.fields)

    @property
    def name(self) -> str | None:
        """The one object name that can match, or None when there may be several."""
        return self._exact("metadata.name")

    @property
    def namespace(self) -> str | None:
        """The one namespace that can match, or None."""
        return self._exact("metadata.namespace")

    def _exact(self, path: str) -> str | None:
        found = (f.value for f in self.fields if f.path == path and not f.negated)
        return next(found, None)

    def matches(self, obj: Mapping[str, Any]) -> bool:
        """Whether the object is selected."""
        if self.labels:
            labels = obj["metadata"].get("labels") or {}
            if not all(requirement.matches(labels) for requirement in self.labels):
                return False
        return all((selectable_field(obj, f.path) == f.value) != f.negated for f in self.fields)


EVERYTHING = Selection()


def parse_labels(text: str) -> tuple[Requirement, ...]:
    """A label selector. Raises StatusError 400 naming what cannot be parsed."""
    found: list[Requirement] = []
    position = 0
    while text[position:].strip():
        requirement, position = _label_at(text, position)
        found.append(requirement)
        if position < len(text):
            if text[position] != ",":
                raise _unparsable(text[position:])
            position += 1
            if not text[position:].strip():
                raise _unparsable("")
    return tuple(found)


def _label_at(text: str, position: int) -> tuple[Requirement, int]:
    if match := _SET.match(text, position):
        values = frozenset(value.strip() for value in match[3].split(","))
        if not all(re.fullmatch(_VALUE, value) for value in values):
            raise _unparsable(match[0])
        return Requirement(match[1], match[2], values), match.end()
    if match := _COMPARE.match(text, position):
        operator = {"!=": "notin", ">": "gt", "<": "lt"}.get(match[2], "in")
        return Requirement(match[1], operator, frozenset((match[3],))), match.end()
    if match := _EXISTS.match(text, position):
        return Requirement(match[2], "absent" if match[1] else "exists"), match.end()
    raise _unparsable(text[position:])


def _unparsable(rest: str) -> Exception:
    return bad_request(
        f"unable to parse requirement: found '{rest.strip()}', "
        "expected: label key, '!', '=', '!=', 'in', 'notin', ',' or the end"
    )


def parse_fields(text: str, resource: Resource) -> tuple[FieldRequirement, ...]:
    """A field selector of a resource. Raises StatusError 400 for a field that it does not have."""
    found: list[FieldRequirement] = []
    for term in re.split(r"(?<!\\),", text):
        if not term.strip():
            continue
        match = _FIELD.fullmatch(term.strip())
        if match is None:
            raise bad_request(f"invalid selector: '{text}'; can't understand '{term}'")
        path = resource.field_path(match[1])
        if path is None:
            raise bad_request(
                f'Unable to find "{resource.api_version}, Resource={resource.plural}" that match '
                f'label selector "", field selector "{text}": field label not supported: {match[1]}'
            )
        found.append(FieldRequirement(path, re.sub(r"\\(.)", r"\1", match[3]), match[2] == "!="))
    return tuple(found)


def parse_selection(
    resource: Resource, label_selector: str | None, field_selector: str | None
) -> Selection:
    """Both selectors of a request. Raises StatusError 400."""
    if not label_selector and not field_selector:
        return EVERYTHING
    return Selection(
        parse_labels(label_selector or ""), parse_fields(field_selector or "", resource)
    )
