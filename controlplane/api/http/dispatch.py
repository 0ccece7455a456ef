"""From a request to its handler: resources, discovery, documents, health."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import web

from controlplane.api import errors
from controlplane.api.access.service import Access
from controlplane.api.catalog import REVIEW_GROUPS
from controlplane.api.http import discovery, encode, openapi, reads, subresources, writes
from controlplane.api.http.call import Call
from controlplane.api.http.negotiate import YAML, negotiate, wants_aggregated_discovery
from controlplane.api.http.request_info import RequestInfo, parse_path
from controlplane.api.http.version import version_document

if TYPE_CHECKING:
    from controlplane.api.access.user import User
    from controlplane.api.http.call import Handler
    from controlplane.api.registry import Registry
    from controlplane.api.resources import Resource

StreamHandler = Callable[[web.Request, RequestInfo], Awaitable[web.StreamResponse]]
"""Serves a connection to a pod or node: logs, exec, traces."""

_OBJECT_HANDLERS: Mapping[str, Handler] = {
    "get": reads.get,
    "update": writes.update,
    "patch": writes.patch,
    "delete": writes.delete,
}
_COLLECTION_HANDLERS: Mapping[str, Handler] = {
    "list": reads.list_or_watch,
    "create": writes.create,
    "deletecollection": writes.delete_collection,
}


@dataclass(frozen=True)
class Dispatcher:
    """Everything that the API serves, by path."""

    registry: Registry
    build: str
    """Names the server's build: documents with the same build are the same."""
    streams: Mapping[tuple[str, str], StreamHandler] = field(default_factory=dict)
    """By resource and subresource, as `("pods", "log")`."""
    extensions: Mapping[str, StreamHandler] = field(default_factory=dict)
    """By API group: whole groups that are served elsewhere."""
    access: Access = field(default_factory=Access)
    """For questions about who may do what; requests are checked before they come here."""

    async def dispatch(
        self, request: web.Request, user: User, warnings: list[str]
    ) -> web.StreamResponse:
        """The answer to a request. Raises StatusError."""
        path = request.path
        if not path.startswith(("/api/", "/apis/")) or path.count("/") < 3:
            return self._document(request)
        info = parse_path(request.method, request.raw_path.partition("?")[0])
        if info is None:
            return self._document(request)
        if info.group in self.extensions:
            return await self.extensions[info.group](request, info)
        resource = self.registry.resources.by_path(info.group, info.version, info.resource)
        if resource.namespaced and info.namespace is None and info.verb != "list":
            raise errors.method_not_allowed() if info.name is None else errors.no_such_path()
        if not resource.namespaced and info.namespace is not None:
            raise errors.no_such_path()
        stream = self.streams.get((info.resource, info.subresource))
        if stream is not None:
            return await stream(request, info)
        if resource.deprecation:
            warnings.append(resource.deprecation)
        call = Call(request, info, resource, self.registry, user, self.access, warnings)
        return await self._handler(resource, info, request)(call)

    def _handler(self, resource: Resource, info: RequestInfo, request: web.Request) -> Handler:
        if info.subresource:
            return _subresource_handler(resource, info)
        if info.verb not in resource.verbs:
            raise errors.method_not_allowed()
        if resource.group in REVIEW_GROUPS:
            return subresources.review
        if info.verb == "get" and "watch" in request.query:
            return reads.list_or_watch
        handlers = _COLLECTION_HANDLERS if info.name is None else _OBJECT_HANDLERS
        handler = handlers.get(info.verb)
        if handler is None:  # such as an update of a collection
            raise errors.method_not_allowed()
        return handler

    def _document(self, request: web.Request) -> web.Response:
        if request.method not in ("GET", "HEAD"):
            raise errors.method_not_allowed()
        parts = request.path.strip("/").split("/")
        aggregated = wants_aggregated_discovery(request.headers.get("Accept", ""))
        resources = self.registry.resources
        match parts:
            case [("api" | "apis") as root] if aggregated:
                found = discovery.aggregated(resources, core=root == "api")
                encoded = encode.encode_value(found, "application/json")
                headers = {"Content-Type": discovery.AGGREGATED_TYPE}
                return web.Response(body=encoded, headers=headers)
            case ["api"]:
                return _answer(request, discovery.api_versions(request.host))
            case ["apis"]:
                return _answer(request, discovery.group_list(resources))
            case ["api", version]:
                return _answer(request, discovery.resource_list(resources, "", version))
            case ["apis", group]:
                return _answer(request, discovery.group(resources, group))
            case ["apis", group, version]:
                return _answer(request, discovery.resource_list(resources, group, version))
            case ["openapi", "v3"]:
                return _answer(request, openapi.index(resources, self.build))
            case ["openapi", "v3", *rest]:
                return _json(openapi.encoded_document(resources, "/".join(rest)))
            case [".well-known", "openid-configuration"] if self.access.tokens is not None:
                keys = f"https://{request.host}/openid/v1/jwks"
                return _answer(request, self.access.tokens.discovery(keys))
            case ["openid", "v1", "jwks"] if self.access.tokens is not None:
                return _answer(request, self.access.tokens.key_set())
            case ["version"]:
                return _answer(request, version_document(self.build))
            case [""]:
                return _answer(request, {"paths": self._paths()})
        raise errors.no_such_path()

    def _paths(self) -> list[str]:
        roots = {resource.path for resource in self.registry.resources}
        groups = {path.rpartition("/")[0] for path in roots}
        others = {"/healthz", "/livez", "/metrics", "/openapi/v3", "/readyz", "/version", "/apis"}
        return sorted(roots | groups | others)


def _subresource_handler(resource: Resource, info: RequestInfo) -> Handler:
    found = resource.subresource(info.subresource)
    if found is None:
        raise errors.no_such_path()
    if info.verb not in found.verbs:
        raise errors.method_not_allowed()
    special = subresources.HANDLERS.get((info.subresource, info.verb))
    if special is not None:
        return special
    if info.verb not in _OBJECT_HANDLERS:
        raise errors.StatusError(501, "NotImplemented", f"{info.subresource} is not available")
    return _OBJECT_HANDLERS[info.verb]


def _json(encoded: bytes) -> web.Response:
    return web.Response(body=encoded, content_type="application/json")


def _answer(request: web.Request, document: dict[str, object]) -> web.Response:
    accept = request.headers.get("Accept", "")
    wants_yaml = accept.startswith(YAML) and negotiate(accept).media_type == YAML
    media_type = YAML if wants_yaml else "application/json"
    return web.Response(body=encode.encode_value(document, media_type), content_type=media_type)
