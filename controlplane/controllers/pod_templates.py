"""Pods as their owners' templates want them. Pure."""

from __future__ import annotations

from typing import Any

from controlplane.api.objects import copy_json
from controlplane.controllers.conditions import owner_reference

Object = dict[str, Any]


def pod_from_template(owner: Object, template: Object | None = None) -> Object:
    """A new pod of its controlling owner; the API completes its name.

    The template is the owner's, if no other (an older one) is given.
    """
    wanted: Object = copy_json(template or owner["spec"]["template"])
    about = wanted.get("metadata") or {}
    metadata = {
        name: about[name] for name in ("labels", "annotations", "finalizers") if about.get(name)
    }
    metadata["namespace"] = owner["metadata"]["namespace"]
    metadata["generateName"] = owner["metadata"]["name"] + "-"
    metadata["ownerReferences"] = [owner_reference(owner, owner["apiVersion"], owner["kind"])]
    return {"metadata": metadata, "spec": wanted["spec"]}
