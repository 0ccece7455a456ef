"""ControllerRevisions: the templates that a StatefulSet or DaemonSet had, for roll-backs. Pure.

Source: Kubernetes pkg/controller/history/controller_history.go. A revision's data is a strategic
merge patch of the workload, which is what `kubectl rollout undo` sends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controlplane.api.objects import copy_json
from controlplane.controllers.conditions import owner_reference
from controlplane.controllers.template_hash import template_hash

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

Object = dict[str, Any]
RESOURCE = "controllerrevisions.apps"


def new_revision(owner: Object, number: int, hash_label: str) -> Object:
    """The revision of the owner's present template, named by the template's hash."""
    template = owner["spec"]["template"]
    collisions = int((owner.get("status") or {}).get("collisionCount") or 0)
    digest = template_hash(template, collisions)
    about = owner["metadata"]
    labels = (template.get("metadata") or {}).get("labels") or {}
    return {
        "metadata": {
            "name": f"{about['name']}-{digest}",
            "namespace": about["namespace"],
            "labels": {**labels, hash_label: digest},
            "annotations": dict(about.get("annotations") or {}),
            "ownerReferences": [owner_reference(owner, owner["apiVersion"], owner["kind"])],
        },
        "data": {"spec": {"template": {**copy_json(template), "$patch": "replace"}}},
        "revision": number,
    }


def by_number(revisions: Iterable[Object]) -> list[Object]:
    """Oldest first."""
    return sorted(
        revisions,
        key=lambda r: (
            number_of(r),
            r["metadata"].get("creationTimestamp", ""),
            r["metadata"]["name"],
        ),
    )


def number_of(revision: Object) -> int:
    """Its place in the history."""
    return int(revision.get("revision") or 0)


def next_number(revisions: Iterable[Object]) -> int:
    """One more than the highest, 1 for the first."""
    return max(map(number_of, revisions), default=0) + 1


def template_of(revision: Object) -> Object:
    """The pod template that the revision keeps. Shared: do not change it."""
    template = revision["data"]["spec"]["template"]
    return {key: value for key, value in template.items() if key != "$patch"}


def find_equal(revisions: Sequence[Object], template: Object) -> list[Object]:
    """Those with this template, oldest first."""
    return [r for r in by_number(revisions) if template_of(r) == template]


def surplus(revisions: Sequence[Object], live: Collection[str], limit: int) -> list[Object]:
    """The oldest beyond `limit` among those that are not in use; `live` has names."""
    idle = [r for r in by_number(revisions) if r["metadata"]["name"] not in live]
    return idle[: max(len(idle) - limit, 0)]
