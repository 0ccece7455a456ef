"""Makes definitions.json.gz from the schemas in the package kubernetes-validate.

That package turned the published OpenAPI document into JSON Schema for whole manifests. This
takes it back to OpenAPI v3: `null` is no type of its own, references point into
`#/components/schemas/`, and apiVersion and kind are free again.

Run: python -m controlplane.api.schemas.extract
"""

from __future__ import annotations

import gzip
import importlib.resources
import json
from pathlib import Path
from typing import Any

KUBERNETES_VERSION = "1.33.0"
TARGET = Path(__file__).with_name("definitions.json.gz")
_SOURCE = f"kubernetes-json-schema/v{KUBERNETES_VERSION}-local/_definitions.json"
_INT_OR_STRING = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"
_REFERENCES = "#/components/schemas/"


def extract() -> bytes:
    """The content of definitions.json.gz, the same bytes for the same source."""
    source = importlib.resources.files("kubernetes_validate") / _SOURCE
    definitions = json.loads(source.read_bytes())["$defs"]
    found = {name: _schema(definition) for name, definition in sorted(definitions.items())}
    found[_INT_OR_STRING]["format"] = "int-or-string"
    text = json.dumps(found, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    return gzip.compress(text.encode(), compresslevel=9, mtime=0)


def _schema(schema: dict[str, Any]) -> dict[str, Any]:
    """One schema in OpenAPI v3 form."""
    found = {name: _part(name, value) for name, value in schema.items() if name != "enum"}
    reference = found.pop("$ref", None)
    if reference is None:
        return found
    target = {"$ref": _REFERENCES + reference.rpartition("/")[2]}
    return {**found, "allOf": [target]} if found else target


def _part(name: str, value: Any) -> Any:
    if name == "type" and isinstance(value, list):
        return next(kind for kind in value if kind != "null")
    if name == "properties":
        return {field: _schema(schema) for field, schema in value.items()}
    if name in ("items", "additionalProperties") and isinstance(value, dict):
        return _schema(value)
    if name in ("oneOf", "anyOf", "allOf"):
        return [_schema(schema) for schema in value]
    return value


if __name__ == "__main__":
    TARGET.write_bytes(extract())
    print(f"{TARGET}: {TARGET.stat().st_size} bytes")
