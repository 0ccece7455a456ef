"""The OpenAPI definitions, read when first asked for (about 15 ms) and kept."""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

from controlplane.api.schemas.admin_policies import admin_policy_definitions

_DATA = Path(__file__).with_name("definitions.json.gz")


@cache
def definitions() -> dict[str, Any]:
    """All definitions by name, as `io.k8s.api.core.v1.Pod`. Shared: do not change them."""
    found: dict[str, Any] = json.loads(gzip.decompress(_DATA.read_bytes()))
    return found | admin_policy_definitions()


@cache
def _names_by_kind() -> dict[tuple[str, str, str], str]:
    return {
        (about["group"], about["version"], about["kind"]): name
        for name, definition in definitions().items()
        for about in definition.get("x-kubernetes-group-version-kind", ())
    }


def definition_name(group: str, version: str, kind: str) -> str | None:
    """The definition of a kind, None where Kubernetes publishes none."""
    return _names_by_kind().get((group, version, kind))
