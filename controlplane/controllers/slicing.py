"""How endpoints are spread over EndpointSlices with as few writes as possible. Pure.

Source: Kubernetes KEP-752 and staging/src/k8s.io/endpointslice/reconciler.go.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from controlplane.controllers.trigger_times import LAST_CHANGE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controlplane.controllers.backends import Backends

Object = dict[str, Any]
MAX_ENDPOINTS = 100
"""Endpoints per slice; the default of kube-controller-manager."""


@dataclass(slots=True)
class SlicePlan:
    """The writes that make the slices right."""

    create: list[Object] = field(default_factory=list)
    update: list[Object] = field(default_factory=list)
    delete: list[Object] = field(default_factory=list)


def owned_slices(slices: Sequence[Object], owner: Object) -> tuple[list[Object], list[Object]]:
    """Those that belong to `owner`, and those of one before it that had the same name."""
    mine: list[Object] = []
    others: list[Object] = []
    uid = owner["metadata"]["uid"]
    for slice_ in slices:
        owners = slice_["metadata"].get("ownerReferences") or ()
        (mine if any(each.get("uid") == uid for each in owners) else others).append(slice_)
    return mine, others


def plan_slices(
    wanted: Sequence[Backends], present: Sequence[Object], template: Object
) -> SlicePlan:
    """Slices from `template` (metadata) for the wanted backends.

    Endpoints stay in the slice where they are; new ones fill slices that have room. A slice is
    in `update` only when something in it changes.
    """
    plan = SlicePlan()
    left = list(present)
    for backends in wanted:
        mine = [s for s in left if _shape_of(s) == _shape(backends)]
        left = [s for s in left if s not in mine]
        _plan_group(backends, mine, template, plan)
    reusable = list(left)
    # A slice whose ports changed is rewritten in place, so that watchers never see a gap.
    for fresh in list(plan.create):
        same_family = [s for s in reusable if s["addressType"] == fresh["addressType"]]
        if same_family:
            reusable.remove(same_family[0])
            plan.create.remove(fresh)
            plan.update.append(_rewritten(same_family[0], fresh))
    plan.delete += reusable
    return plan


def _rewritten(present: Object, fresh: Object) -> Object:
    return {**fresh, "metadata": _merged_metadata(present, fresh)}


def _plan_group(
    backends: Backends, present: list[Object], template: Object, plan: SlicePlan
) -> None:
    kept, rest = _distribute(backends, present)
    placeholder_needed = not backends.endpoints
    for slice_, endpoints in kept:
        if not endpoints and not placeholder_needed:
            plan.delete.append(slice_)
            continue
        placeholder_needed = False if not endpoints else placeholder_needed
        changed = _filled(backends, endpoints, _merged_metadata(slice_, template))
        if _differs(slice_, changed):
            plan.update.append(changed)
    if placeholder_needed and not kept:
        plan.create.append(_filled(backends, [], template["metadata"]))
    for start in range(0, len(rest), MAX_ENDPOINTS):
        part = rest[start : start + MAX_ENDPOINTS]
        plan.create.append(_filled(backends, part, template["metadata"]))


def _distribute(
    backends: Backends, present: list[Object]
) -> tuple[list[tuple[Object, list[Object]]], list[Object]]:
    """The present slices with the endpoints that they will hold, and those without a place."""
    pending = {_identity(endpoint): endpoint for endpoint in backends.endpoints}
    kept: list[tuple[Object, list[Object]]] = []
    for slice_ in sorted(present, key=lambda s: s["metadata"]["name"]):
        endpoints: list[Object] = []
        for endpoint in slice_.get("endpoints") or ():
            current = pending.pop(_identity(endpoint), None)
            if current is not None and len(endpoints) < MAX_ENDPOINTS:
                endpoints.append(current)
            elif current is not None:
                pending[_identity(current)] = current
        kept.append((slice_, endpoints))
    rest = list(pending.values())
    for _, endpoints in sorted(kept, key=lambda entry: -len(entry[1])):
        room = MAX_ENDPOINTS - len(endpoints)
        endpoints += rest[:room]
        rest = rest[room:]
    return kept, rest


def _filled(backends: Backends, endpoints: list[Object], metadata: Object) -> Object:
    return {
        "metadata": metadata,
        "addressType": backends.address_type,
        "endpoints": endpoints,
        "ports": backends.port_objects(),
    }


def _merged_metadata(slice_: Object, template: Object) -> Object:
    """The slice keeps its name and annotations of others; labels are as the template says."""
    metadata = {**slice_["metadata"]}
    wanted = template["metadata"]
    metadata["labels"] = wanted.get("labels") or {}
    metadata["annotations"] = _lasting(slice_) | (wanted.get("annotations") or {})
    if wanted.get("ownerReferences"):
        metadata["ownerReferences"] = wanted["ownerReferences"]
    return metadata


def _differs(present: Object, changed: Object) -> bool:
    fields = ("endpoints", "ports")
    if any((present.get(f) or []) != (changed.get(f) or []) for f in fields):
        return True
    old, new = present["metadata"], changed["metadata"]
    if (old.get("labels") or {}) != (new.get("labels") or {}):
        return True
    return _lasting(present) != _lasting(changed)


def _lasting(slice_: Object) -> dict[str, str]:
    """All annotations but that of the last change, which says nothing about the next one."""
    annotations = slice_["metadata"].get("annotations") or {}
    return {name: value for name, value in annotations.items() if name != LAST_CHANGE}


def _shape(backends: Backends) -> str:
    return json.dumps([backends.address_type, backends.port_objects()], sort_keys=True)


def _shape_of(slice_: Object) -> str:
    return json.dumps([slice_.get("addressType"), slice_.get("ports") or []], sort_keys=True)


def _identity(endpoint: Object) -> str:
    target = endpoint.get("targetRef") or {}
    return json.dumps([target.get("uid"), endpoint.get("addresses")])
