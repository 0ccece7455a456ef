"""JSON patch, RFC 6902, by the `jsonpatch` library."""

from __future__ import annotations

from typing import Any

import jsonpatch
import jsonpointer

from controlplane.api.patch.errors import PatchError, UnprocessablePatch

MAX_OPERATIONS = 10_000
"""As in a real API server: a small body can ask for very much work."""


def json_patch(target: dict[str, Any], operations: Any) -> dict[str, Any]:
    """The target after all operations; the argument stays as it is.

    Raises PatchError for operations that are none, UnprocessablePatch for a failed `test` or
    a path that is not there.
    """
    if not isinstance(operations, list):
        raise PatchError("a JSON patch is a list of operations")
    if len(operations) > MAX_OPERATIONS:
        raise PatchError(
            f"The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, "
            f"got {len(operations)}"
        )
    try:
        result = jsonpatch.JsonPatch(operations).apply(target)
    except jsonpatch.JsonPatchTestFailed as error:
        raise UnprocessablePatch(f"testing failed: {_one_line(error)}") from error
    except (jsonpatch.JsonPatchConflict, jsonpointer.JsonPointerException) as error:
        raise UnprocessablePatch(_one_line(error)) from error
    except (jsonpatch.JsonPatchException, TypeError, KeyError, IndexError) as error:
        raise PatchError(f"not a JSON patch: {_one_line(error)}") from error
    if not isinstance(result, dict):
        raise UnprocessablePatch("the patch leaves no object")
    return result


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
