"""Objects against the schema of their kind, as `fieldValidation` asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controlplane.api import errors
from controlplane.api.schemas.definitions import definition_name
from controlplane.api.schemas.shapes import Findings, WrongType, shape_of_definition

if TYPE_CHECKING:
    from collections.abc import Iterable

Object = dict[str, Any]
FIELD_VALIDATION = ("Strict", "Warn", "Ignore")
_MAX_WARNINGS = 20


def conform(
    obj: Object,
    group: str,
    version: str,
    kind: str,
    *,
    field_validation: str = "Ignore",
    duplicates: Iterable[str] = (),
    warnings: list[str] | None = None,
) -> Object:
    """The object without unknown fields and nulls.

    Unknown and duplicate fields raise StatusError 400 under Strict and are appended to
    `warnings` under Warn. Wrong types raise 400, missing required scalars of the spec 422.
    """
    name = definition_name(group, version, kind)
    if name is None:
        return obj
    found = Findings()
    try:
        taken: Object = shape_of_definition(name).take(obj, "", kind, found)
    except WrongType as error:
        raise cannot_be_handled(version, kind, str(error)) from error
    complaints = [f'unknown field "{path}"' for path in found.unknown]
    complaints += [f'duplicate field "{path}"' for path in duplicates]
    if complaints and field_validation == "Strict":
        text = "strict decoding error: " + ", ".join(complaints)
        raise cannot_be_handled(version, kind, text)
    if field_validation == "Warn" and warnings is not None:
        warnings += complaints[:_MAX_WARNINGS]
    _refuse_missing(taken, group, kind, found.missing)
    return taken


def _refuse_missing(obj: Object, group: str, kind: str, paths: Iterable[str]) -> None:
    missing = [errors.required(path) for path in paths if path.startswith("spec.")]
    if missing:
        name = str((obj.get("metadata") or {}).get("name", ""))
        raise errors.invalid(f"{kind}.{group}" if group else kind, name, missing)


def cannot_be_handled(version: str, kind: str, why: str) -> errors.StatusError:
    """400: `Deployment in version "v1" cannot be handled as a Deployment: why`."""
    return errors.bad_request(f'{kind} in version "{version}" cannot be handled as a {kind}: {why}')
