"""OpenAPI v3 documents, one per group and version, derived from the resource table on demand."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from controlplane.api import errors
from controlplane.api.schemas.definitions import definition_name, definitions
from controlplane.store.base import encode_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from controlplane.api.resources import Resource, ResourceTable

Document = dict[str, Any]
_ACTIONS = {"get": "get", "update": "put", "patch": "patch", "delete": "delete"}
_COLLECTION_ACTIONS = {"list": "get", "create": "post", "deletecollection": "delete"}
_PATCH_TYPES = (
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
)
_QUERY = {
    "list": (
        "allowWatchBookmarks", "continue", "fieldSelector", "labelSelector", "limit",
        "resourceVersion", "resourceVersionMatch", "sendInitialEvents", "timeoutSeconds", "watch",
    ),
    "create": ("dryRun", "fieldManager", "fieldValidation"),
    "update": ("dryRun", "fieldManager", "fieldValidation"),
    "patch": ("dryRun", "fieldManager", "fieldValidation", "force"),
    "delete": ("dryRun", "gracePeriodSeconds", "propagationPolicy"),
    "deletecollection": ("dryRun", "fieldSelector", "gracePeriodSeconds", "labelSelector"),
}  # fmt: skip
_BOOLEANS = ("allowWatchBookmarks", "force", "sendInitialEvents", "watch")
_INTEGERS = ("gracePeriodSeconds", "limit", "timeoutSeconds")


def index(resources: ResourceTable, build: str) -> Document:
    """`/openapi/v3`: where the documents are. The hash lets clients cache them for ever."""
    names = dict.fromkeys(resource.path.lstrip("/") for resource in resources)
    served = f"{build} {[(r.path, r.plural, r.verbs, r.subresources) for r in resources]}"
    digest = hashlib.sha256(served.encode()).hexdigest()[:32].upper()
    paths = {
        name: {"serverRelativeURL": f"/openapi/v3/{name}?hash={digest}"} for name in sorted(names)
    }
    return {"paths": paths}


@lru_cache(maxsize=32)
def encoded_document(resources: ResourceTable, path: str) -> bytes:
    """`/openapi/v3/apis/apps/v1` as JSON. Raises StatusError 404."""
    found = [resource for resource in resources if resource.path == f"/{path}"]
    if not found:
        raise errors.no_such_path()
    paths: Document = {}
    for resource in found:
        paths |= dict(_paths(resource))
    roots = _references({"paths": paths})
    roots |= {name for r in found if (name := definition_name(r.group, r.version, r.kind))}
    return encode_json(
        {
            "openapi": "3.0.0",
            "info": {"title": "Kubernetes", "version": "v1.33.0"},
            "paths": paths,
            "components": {"schemas": _closure(roots)},
        }
    )


def _closure(names: set[str]) -> Document:
    """The definitions of these names and all that they refer to."""
    known = definitions()
    found: Document = {}
    waiting = sorted(names)
    while waiting:
        name = waiting.pop()
        if name in found or name not in known:
            continue
        found[name] = known[name]
        waiting.extend(_references(known[name]))
    return {name: found[name] for name in sorted(found)}


def _references(schema: Any) -> set[str]:
    found: set[str] = set()
    stack = [schema]
    while stack:
        node = stack.pop()
        if isinstance(node, list):
            stack.extend(node)
        elif isinstance(node, dict):
            reference = node.get("$ref")
            if isinstance(reference, str):
                found.add(reference.rpartition("/")[2])
            stack.extend(node.values())
    return found


def _paths(resource: Resource) -> Iterator[tuple[str, Document]]:
    base = resource.path + ("/namespaces/{namespace}" if resource.namespaced else "")
    scope = [_path_parameter("namespace")] if resource.namespaced else []
    about = (resource.group, resource.version, resource.kind)
    collection = {
        method: _operation(resource, verb, about)
        for verb, method in _COLLECTION_ACTIONS.items()
        if verb in resource.verbs
    }
    yield f"{base}/{resource.plural}", {**collection, "parameters": scope}
    if "get" not in resource.verbs:
        return
    if resource.namespaced:
        everywhere = {"get": _operation(resource, "list", about)}
        yield f"{resource.path}/{resource.plural}", everywhere
    named = [_path_parameter("name"), *scope]
    item = {
        method: _operation(resource, verb, about)
        for verb, method in _ACTIONS.items()
        if verb in resource.verbs
    }
    yield f"{base}/{resource.plural}/{{name}}", {**item, "parameters": named}
    for sub in resource.subresources:
        kind = (sub.group or resource.group, sub.version or resource.version, sub.kind)
        methods = {"create": "post", **_ACTIONS}
        operations = {methods[verb]: _operation(resource, verb, kind) for verb in sub.verbs}
        yield f"{base}/{resource.plural}/{{name}}/{sub.name}", {**operations, "parameters": named}


def _operation(resource: Resource, verb: str, about: tuple[str, str, str]) -> Document:
    group, version, kind = about
    name = definition_name(group, version, kind)
    if verb == "list":
        name = definition_name(group, version, f"{kind}List") or name
    schema: Document = {"$ref": f"#/components/schemas/{name}"} if name else {"type": "object"}
    action = {"create": "post", "update": "put"}.get(verb, verb)
    operation: Document = {
        "operationId": f"{verb}{group.partition('.')[0].title()}{version.title()}{kind}",
        "parameters": [_query_parameter(query) for query in _QUERY.get(verb, ())],
        "responses": {
            "200": {"description": "OK", "content": {"application/json": {"schema": schema}}}
        },
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": {"group": group, "version": version, "kind": kind},
    }
    if verb in ("create", "update"):
        operation["requestBody"] = {"content": {"*/*": {"schema": schema}}}
    elif verb == "patch":
        patch = {"$ref": "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.Patch"}
        content = {media_type: {"schema": patch} for media_type in _PATCH_TYPES}
        operation["requestBody"] = {"content": content}
    return operation


def _path_parameter(name: str) -> Document:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _query_parameter(name: str) -> Document:
    kind = "boolean" if name in _BOOLEANS else "integer" if name in _INTEGERS else "string"
    return {"name": name, "in": "query", "schema": {"type": kind, "uniqueItems": True}}
