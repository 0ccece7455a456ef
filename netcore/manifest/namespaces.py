"""Namespaces out of their manifests."""

from typing import Any

from netcore.model.namespace import Namespace

Object = dict[str, Any]


def namespace_state(namespace: Object) -> Namespace:
    """A namespace and its labels."""
    about = namespace["metadata"]
    return Namespace(about["name"], dict(about.get("labels") or {}))
