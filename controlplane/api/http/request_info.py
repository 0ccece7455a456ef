"""What a request asks for, read from its method and path alone.

Source: k8s.io/apiserver pkg/endpoints/request/requestinfo.go.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote

_VERBS = {"POST": "create", "GET": "get", "HEAD": "get", "PUT": "update", "PATCH": "patch",
          "DELETE": "delete"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class RequestInfo:
    """A request for a resource. `path_below` is what follows a proxy-like subresource."""

    verb: str
    group: str
    version: str
    resource: str
    namespace: str | None = None
    name: str | None = None
    subresource: str = ""
    path_below: str = ""


def parse_path(method: str, raw_path: str) -> RequestInfo | None:
    """The resource that a path names, None when it is no resource path (discovery, health).

    The verb is get, create, update, patch or delete for one object; list, create or
    deletecollection for a collection. (`?watch` makes a list a watch: that is a parameter.)
    """
    parts = [unquote(part) for part in raw_path.strip("/").split("/")]
    if parts[0] == "api" and len(parts) >= 3:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) >= 4:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    namespace = None
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in ("status", "finalize"):
        namespace, rest = rest[1], rest[2:]
    name = rest[1] if len(rest) > 1 else None
    verb = _VERBS.get(method, "")
    if name is None:
        verb = {"get": "list", "delete": "deletecollection"}.get(verb, verb)
    return RequestInfo(
        verb=verb,
        group=group,
        version=version,
        resource=rest[0],
        namespace=namespace,
        name=name,
        subresource=rest[2] if len(rest) > 2 else "",
        path_below="/".join(rest[3:]),
    )
