"""The schema of a kind, straight from the package that publishes it."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate

from controlplane.api.patch.schema import DefinitionNode


@cache
def definitions() -> dict[str, Any]:
    """The definitions of Kubernetes 1.33."""
    root = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"
    text = (root / "v1.33.0-local" / "_definitions.json").read_text()
    found: dict[str, Any] = json.loads(text)["$defs"]
    return found


@cache
def schema(name: str) -> DefinitionNode:
    """The node of e.g. `apps.v1.Deployment`."""
    node = DefinitionNode.named(definitions(), f"io.k8s.api.{name}")
    assert node is not None, name
    return node
