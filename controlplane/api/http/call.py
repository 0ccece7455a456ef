"""One request on its way: what it asks for, who asks, and how the answer goes back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web

from controlplane.api import conversion, errors
from controlplane.api.http import body, encode
from controlplane.api.http.negotiate import negotiate
from controlplane.api.http.parameters import write_parameters
from controlplane.api.registry import WriteOptions
from controlplane.api.schemas.conform import cannot_be_handled, conform

if TYPE_CHECKING:
    from controlplane.api.access.service import Access
    from controlplane.api.access.user import User
    from controlplane.api.http.negotiate import Representation
    from controlplane.api.http.parameters import WriteParameters
    from controlplane.api.http.request_info import RequestInfo
    from controlplane.api.registry import Registry
    from controlplane.api.resources import Resource
    from controlplane.store.base import Stored

Object = dict[str, Any]
Handler = Callable[["Call"], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Call:
    """A request for a resource, with what every handler needs."""

    request: web.Request
    info: RequestInfo
    resource: Resource
    registry: Registry
    user: User
    access: Access
    warnings: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The name in the path."""
        return self.info.name or ""

    @property
    def namespace(self) -> str | None:
        """The namespace in the path, None for cluster-wide requests."""
        return self.info.namespace

    @property
    def storage(self) -> Resource:
        """The resource whose objects are stored."""
        return conversion.storage_of(self.resource, self.registry.resources)

    @property
    def representation(self) -> Representation:
        """What the client accepts. Raises StatusError 406."""
        return negotiate(self.request.headers.get("Accept", ""))

    @property
    def include_object(self) -> str:
        """How much of each object a table's rows carry."""
        return self.request.query.get("includeObject", "Metadata")

    def parameters(self) -> WriteParameters:
        """The parameters of a write. Raises StatusError."""
        return write_parameters(self.request.query, self.request.headers.get("User-Agent", ""))

    def write_options(self, parameters: WriteParameters, *, tracked: bool = True) -> WriteOptions:
        """The same for the registry; not `tracked` when managedFields are already right."""
        return WriteOptions(
            dry_run=parameters.dry_run,
            user=self.user.name,
            manager=parameters.field_manager if tracked else "",
            subresource=self.info.subresource,
            warnings=self.warnings,
        )

    async def read_object(self, validation: str) -> Object:
        """The body as an object of the resource, in stored form. Raises StatusError 400, 415."""
        decoded = await self.read_body()
        self.check_kind(decoded.obj)
        return self.conform(decoded.obj, validation, decoded.duplicates)

    async def read_argument(self, group: str, kind: str) -> Object:
        """The body as a v1 object that is not of the resource, such as a Binding; empty is {}.

        Raises StatusError 400, 413, 415: a body of other types, too.
        """
        raw = await body.read(self.request)
        if not raw.strip():
            return {}
        decoded = body.decode(raw, self.request.headers.get("Content-Type", ""))
        return conform(decoded.obj, group, "v1", kind)

    async def read_body(self) -> body.Body:
        """The decoded body. Raises StatusError 400, 413, 415."""
        raw = await body.read(self.request)
        return body.decode(raw, self.request.headers.get("Content-Type", ""))

    def conform(self, obj: Object, validation: str, duplicates: tuple[str, ...] = ()) -> Object:
        """The object checked against its kind's schema, in stored form. Raises StatusError."""
        resource = self.resource
        conformed = conform(
            obj,
            resource.group,
            resource.version,
            resource.kind,
            field_validation=validation,
            duplicates=duplicates,
            warnings=self.warnings,
        )
        return conversion.to_storage(resource, conformed)

    def check_kind(self, obj: Object) -> None:
        """Raises StatusError 400 when the body is of another kind or version."""
        resource = self.resource
        kind, version = obj.get("kind"), obj.get("apiVersion")
        for name, value in (("Kind", kind), ("apiVersion", version)):
            if not value:
                raise errors.bad_request(f"Object '{name}' is missing in the body of the request")
        if version != resource.api_version:
            raise errors.bad_request(
                f"the API version in the data ({version}) does not match "
                f"the expected API version ({resource.api_version})"
            )
        if kind != resource.kind:
            why = f"no kind {resource.kind} in the data, which is a {kind}"
            raise cannot_be_handled(resource.version, resource.kind, why)

    def check_name(self, obj: Object) -> None:
        """Puts the path's name into the object. Raises StatusError 400 when it has another."""
        about = obj.setdefault("metadata", {})
        if about.setdefault("name", self.name) != self.name:
            raise errors.bad_request(
                f"the name of the object ({about['name']}) does not match "
                f"the name on the URL ({self.name})"
            )

    def answer_stored(self, stored: Stored, status: int = 200) -> web.Response:
        """A stored object in the representation that the client wants."""
        wanted = self.representation
        encoded = encode.encode_one(self.resource, stored, wanted, self.include_object)
        return web.Response(status=status, body=encoded, content_type=wanted.media_type)

    def answer(self, value: Object, status: int = 200) -> web.Response:
        """Any other document."""
        media_type = self.representation.media_type
        encoded = encode.encode_value(value, media_type)
        return web.Response(status=status, body=encoded, content_type=media_type)
