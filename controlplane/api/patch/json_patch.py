"""JSON patch, RFC 6902, by the `jsonpatch` library."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import jsonpatch
import jsonpointer

from controlplane.api.patch.errors import OversizedPatch, PatchError, UnprocessablePatch

MAX_OPERATIONS = 10_000
"""As in a real API server: a small body can ask for very much work."""

MAX_COPIED_BYTES = 3 * 1024 * 1024
"""What all `copy` operations of a patch may add, as a real API server has it
(JSONPatchMaxCopyBytes): each can double the object.
"""


def json_patch(target: dict[str, Any], operations: Any) -> dict[str, Any]:
    """The target after all operations; the argument stays as it is.

    Raises PatchError for operations that are none, UnprocessablePatch for a failed `test` or
    a path that is not there, OversizedPatch when copies add more than MAX_COPIED_BYTES.
    """
    if not isinstance(operations, list):
        raise PatchError("a JSON patch is a list of operations")
    if len(operations) > MAX_OPERATIONS:
        raise PatchError(
            f"The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, "
            f"got {len(operations)}"
        )
    try:
        result = _apply(target, operations)
    except jsonpatch.JsonPatchTestFailed as error:
        raise UnprocessablePatch(f"testing failed: {_one_line(error)}") from error
    except (jsonpatch.JsonPatchConflict, jsonpointer.JsonPointerException) as error:
        raise UnprocessablePatch(_one_line(error)) from error
    except (jsonpatch.JsonPatchException, TypeError, KeyError, IndexError) as error:
        raise PatchError(f"not a JSON patch: {_one_line(error)}") from error
    if not isinstance(result, dict):
        raise UnprocessablePatch("the patch leaves no object")
    return result


def _apply(target: dict[str, Any], operations: list[Any]) -> Any:
    """All operations in turn, with their copies measured before they are made."""
    jsonpatch.JsonPatch(operations)  # raises for what is no operation before anything is done
    result, copied = deepcopy(target), 0
    for operation in operations:
        if operation["op"] == "copy":
            copied += len(json.dumps(jsonpointer.resolve_pointer(result, operation["from"])))
            if copied > MAX_COPIED_BYTES:
                raise OversizedPatch(
                    "Unable to complete the copy, the accumulated size increase of copy is "
                    f"{copied}, exceeding the limit {MAX_COPIED_BYTES}"
                )
        result = jsonpatch.JsonPatch([operation]).apply(result, in_place=True)
    return result


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
