"""What a request wants to do, as authorization sees it.

Source: k8s.io/apiserver pkg/authorization/authorizer, pkg/endpoints/request/requestinfo.go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from controlplane.api.errors import Details, StatusError
from controlplane.api.http.request_info import parse_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from controlplane.api.access.user import User
    from controlplane.api.http.request_info import RequestInfo

_NAME_FIELD = "metadata.name="
_NAMED_COLLECTIONS = ("list", "watch", "deletecollection")


@dataclass(frozen=True, slots=True)
class Attributes:
    """A verb on a resource, or on a `path` that is none (then the other fields are empty)."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""

    @property
    def full_resource(self) -> str:
        """`pods/log`."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


def of_http(method: str, raw_path: str, query: Mapping[str, str]) -> Attributes:
    """Of any HTTP request. `raw_path` is without its query."""
    info = parse_path(method, raw_path)
    if info is None:
        return Attributes(method.lower(), path=unquote(raw_path) or "/")
    return of_request(info, query)


def of_request(info: RequestInfo, query: Mapping[str, str]) -> Attributes:
    """Of a request for a resource. `?watch` makes a get or list a watch."""
    verb, name = info.verb, info.name or ""
    if verb in ("get", "list") and query.get("watch", "0") not in ("", "0", "false", "False"):
        verb = "watch"
    if verb in _NAMED_COLLECTIONS and not name:
        terms = query.get("fieldSelector", "").split(",")
        name = next((t.removeprefix(_NAME_FIELD) for t in terms if t.startswith(_NAME_FIELD)), "")
    namespace = info.namespace or ""
    if (info.group, info.resource) == ("", "namespaces"):
        namespace = info.name or ""  # a namespace is in itself
    return Attributes(verb, info.group, info.resource, info.subresource, namespace, name)


def forbidden(user: User, wanted: Attributes, reason: str = "") -> StatusError:
    """403 in the words of the API server."""
    why = f": {reason}" if reason else ""
    if wanted.path:
        message = f'forbidden: User "{user.name}" cannot {wanted.verb} path "{wanted.path}"{why}'
        return StatusError(403, "Forbidden", message, Details())
    scope = f'in the namespace "{wanted.namespace}"' if wanted.namespace else "at the cluster scope"
    kind = f"{wanted.resource}.{wanted.group}" if wanted.group else wanted.resource
    what = f'{kind} "{wanted.name}"' if wanted.name else kind
    message = (
        f'{what} is forbidden: User "{user.name}" cannot {wanted.verb} resource '
        f'"{wanted.full_resource}" in API group "{wanted.group}" {scope}{why}'
    )
    details = Details(name=wanted.name, group=wanted.group, kind=wanted.resource)
    return StatusError(403, "Forbidden", message, details)
