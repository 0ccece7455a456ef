"""Field ownership of plain writes: the registry's `track_fields`, in terms of `api.patch`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controlplane.api.metadata import timestamp
from controlplane.api.patch import DefinitionNode, Writer, track_update
from controlplane.api.schemas.definitions import definition_name, definitions

if TYPE_CHECKING:
    from datetime import datetime

    from controlplane.api.registry import Change
    from controlplane.api.resources import Resource


def schema_node(resource: Resource) -> DefinitionNode | None:
    """The kind's schema as patches read it, None where Kubernetes publishes none."""
    name = definition_name(resource.group, resource.version, resource.kind)
    return None if name is None else DefinitionNode.named(definitions(), name)


def writer(resource: Resource, manager: str, subresource: str, now: datetime) -> Writer:
    """Who writes, as managedFields names it."""
    return Writer(manager, resource.api_version, timestamp(now), subresource)


def track_fields(change: Change) -> dict[str, Any]:
    """The object with managedFields that credit the write to its manager, if it has one."""
    options, resource = change.options, change.resource
    if not options.manager:
        return change.obj
    who = writer(resource, options.manager, options.subresource, change.now)
    return track_update(change.old, change.obj, schema_node(resource), who)
