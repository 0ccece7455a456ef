"""From a PATCH request's body to the patched object, with refusals worded as a real server's."""

from __future__ import annotations

import contextlib
import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from controlplane.api.errors import (
    Details,
    StatusError,
    bad_request,
    required,
    unsupported_media_type,
)
from controlplane.api.errors import invalid as invalid_object
from controlplane.api.http.body import decode_yaml, load_json
from controlplane.api.patch.apply import ApplyConflict, apply
from controlplane.api.patch.errors import OversizedPatch, PatchError, UnprocessablePatch
from controlplane.api.patch.json_patch import json_patch
from controlplane.api.patch.merge import merge_patch
from controlplane.api.patch.strategic import strategic_merge

if TYPE_CHECKING:
    from controlplane.api.patch.managedfields import Writer
    from controlplane.api.patch.schema import SchemaNode

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_MERGE_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
_UNTYPED = "failed to create typed patch object"
PATCH_TYPES = (JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH, APPLY_PATCH)


@dataclass(frozen=True, slots=True)
class ApplyOptions:
    """What only server-side apply asks: who applies, and which top-level fields it cannot set.

    `ignored` is `{"status"}` for the main resource of a kind with a status subresource.
    """

    writer: Writer
    force: bool = False
    ignored: frozenset[str] = frozenset()


def apply_patch(
    content_type: str,
    current: dict[str, Any] | None,
    body: bytes,
    schema: SchemaNode | None,
    options: ApplyOptions | None = None,
) -> dict[str, Any]:
    """The object after the patch; `current` is not changed.

    `current` is None only for server-side apply, which then creates. Server-side apply (needs
    `options`) also gives the new managedFields; after the others `track_update` does.
    Raises StatusError: 400 malformed, 409 conflict, 413 asks for too much memory, 415 unknown
    type, 422 does not fit.
    """
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type not in PATCH_TYPES:
        raise unsupported_media_type([*PATCH_TYPES])
    patch = _decode(media_type, body)
    try:
        if media_type == APPLY_PATCH:
            return _server_side(current, patch, schema, options)
        return _plain(media_type, copy.deepcopy(current or {}), patch, schema)
    except ApplyConflict as error:
        causes = Details(causes=tuple(error.causes()))
        raise StatusError(409, "Conflict", str(error), causes) from error
    except PatchError as error:
        raise bad_request(str(error)) from error
    except RecursionError as error:
        raise bad_request("the patch is nested too deeply") from error
    except OversizedPatch as error:
        raise StatusError(413, "RequestEntityTooLarge", str(error)) from error
    except UnprocessablePatch as error:
        message = f"the server rejected our request due to an error in our request ({error})"
        raise StatusError(422, "Invalid", message) from error


def _decode_apply(body: bytes) -> Any:
    """JSON is the common case and many times faster to read than YAML, its superset."""
    if body[:1] == b"{":
        with contextlib.suppress(ValueError):
            return load_json(body)
    return decode_yaml(body).obj


def _decode(media_type: str, body: bytes) -> Any:
    try:
        if media_type == APPLY_PATCH:
            return _decode_apply(body)
        return load_json(body)
    except (ValueError, RecursionError) as error:
        shown = " ".join(str(error).split())
        raise bad_request(f"error decoding patch: {shown}") from error


def _plain(
    media_type: str, target: dict[str, Any], patch: Any, schema: SchemaNode | None
) -> dict[str, Any]:
    if media_type == JSON_PATCH:
        return json_patch(target, patch)
    if not isinstance(patch, dict):
        raise PatchError(f"cannot unmarshal {type(patch).__name__} into a patch: not an object")
    if media_type == MERGE_PATCH:
        merged: dict[str, Any] = merge_patch(target, patch)
        return merged
    return strategic_merge(target, patch, schema)


def _server_side(
    current: dict[str, Any] | None,
    patch: Any,
    schema: SchemaNode | None,
    options: ApplyOptions | None,
) -> dict[str, Any]:
    if options is None or not options.writer.manager:
        errors = [required("fieldManager", "is required for apply patch")]
        raise invalid_object("PatchOptions.meta.k8s.io", "", errors)
    if not isinstance(patch, dict):
        raise PatchError("error decoding YAML: the applied configuration is not an object")
    for name in ("apiVersion", "kind"):
        if not patch.get(name):
            raise PatchError(f"Object '{name.capitalize()}' is missing in the applied object")
    if patch["apiVersion"] != options.writer.api_version:
        raise PatchError(
            f"Incorrect version specified in apply patch. Specified patch version: "
            f"{patch['apiVersion']}, expected: {options.writer.api_version}"
        )
    _check_metadata(patch)
    applied = {name: value for name, value in patch.items() if name not in options.ignored}
    try:
        return apply(current, applied, schema, options.writer, force=options.force)
    except PatchError as error:
        raise PatchError(f"{_UNTYPED} ({_named(patch)}): {error}") from error


def _check_metadata(patch: dict[str, Any]) -> None:
    """What every apply looks into, also of kinds without a schema."""
    metadata = patch.get("metadata") or {}
    if not isinstance(metadata, dict):
        raise PatchError(f"{_UNTYPED} ({_named(patch)}): .metadata: expected map")
    if metadata.get("managedFields") is not None:
        raise PatchError("metadata.managedFields must be nil")
    if not isinstance(metadata.get("annotations") or {}, dict):
        raise PatchError(f"{_UNTYPED} ({_named(patch)}): .metadata.annotations: expected map")


def _named(patch: dict[str, Any]) -> str:
    metadata = patch.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    name = f"{metadata.get('namespace') or ''}/{metadata.get('name') or ''}"
    return f"{name}; {patch['apiVersion']}, Kind={patch['kind']}"
