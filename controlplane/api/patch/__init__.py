"""The four kinds of PATCH, and the tracking of field ownership.

Pure, but for the wording of refusals as `StatusError` in `entry`.
"""

from controlplane.api.patch.entry import (
    APPLY_PATCH,
    JSON_PATCH,
    MERGE_PATCH,
    PATCH_TYPES,
    STRATEGIC_MERGE_PATCH,
    ApplyOptions,
    apply_patch,
)
from controlplane.api.patch.managedfields import Writer, manager_name, track_update
from controlplane.api.patch.schema import DefinitionNode, SchemaNode

__all__ = [
    "APPLY_PATCH",
    "JSON_PATCH",
    "MERGE_PATCH",
    "PATCH_TYPES",
    "STRATEGIC_MERGE_PATCH",
    "ApplyOptions",
    "DefinitionNode",
    "SchemaNode",
    "Writer",
    "apply_patch",
    "manager_name",
    "track_update",
]
