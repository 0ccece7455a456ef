"""Field ownership of plain writes, as the registry's hook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controlplane.api.metadata import timestamp
from controlplane.api.patch.managedfields import Writer, track_update

if TYPE_CHECKING:
    from collections.abc import Callable

    from controlplane.api.patch.schema import SchemaNode
    from controlplane.api.registry import Change
    from controlplane.api.resources import Resource


class FieldTracker:
    """Writes managedFields into the object of every change that names a manager.

    Server-side apply names none: its result carries its own managedFields.
    """

    def __init__(self, schema_of: Callable[[Resource], SchemaNode | None]) -> None:
        self._schema_of = schema_of

    def __call__(self, change: Change) -> None:
        """Changes `metadata.managedFields` of `change.obj` and nothing else."""
        options = change.options
        if not options.manager:
            return
        writer = Writer(
            manager=options.manager,
            api_version=change.resource.api_version,
            now=timestamp(change.now),
            subresource=options.subresource,
        )
        schema = self._schema_of(change.resource)
        change.obj["metadata"] = track_update(change.old, change.obj, schema, writer)["metadata"]
