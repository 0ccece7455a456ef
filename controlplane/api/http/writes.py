"""create, update, patch, delete and deletecollection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

from controlplane.api import conversion, deletion, errors
from controlplane.api.http import body, encode
from controlplane.api.http.parameters import delete_options, list_parameters
from controlplane.api.patch import APPLY_PATCH, ApplyOptions, apply_patch
from controlplane.api.selectors import parse_selection
from controlplane.api.tracking import schema_node, writer
from controlplane.store.base import Page

if TYPE_CHECKING:
    from controlplane.api.http.call import Call
    from controlplane.api.http.parameters import WriteParameters
    from controlplane.store.base import Stored

Object = dict[str, Any]
_CREATED_BY_UPDATE = frozenset(
    ("endpoints", "events", "leases", "limitranges", "services", "roles", "rolebindings",
     "clusterroles", "clusterrolebindings")
)  # fmt: skip
"""A PUT to a name that is not there creates these, as in Kubernetes."""


async def create(call: Call) -> web.StreamResponse:
    """POST to a collection."""
    parameters = call.parameters()
    obj = await call.read_object(parameters.field_validation)
    stored = await call.registry.create(
        call.storage, call.namespace, obj, call.write_options(parameters)
    )
    return call.answer_stored(stored, status=201)


async def update(call: Call) -> web.StreamResponse:
    """PUT of an object, its status, or a namespace's finalizers."""
    parameters = call.parameters()
    obj = await call.read_object(parameters.field_validation)
    call.check_name(obj)
    options = call.write_options(parameters)
    try:
        stored = await call.registry.update(
            call.storage, call.namespace, call.name, lambda _: obj, options
        )
    except errors.StatusError as error:
        if error.reason != "NotFound" or call.resource.plural not in _CREATED_BY_UPDATE:
            raise
        stored = await call.registry.create(call.storage, call.namespace, obj, options)
        return call.answer_stored(stored, status=201)
    return call.answer_stored(stored)


async def patch(call: Call) -> web.StreamResponse:
    """PATCH of any type; server-side apply creates what is not there."""
    parameters = call.parameters()
    raw = await body.read(call.request)
    content_type = call.request.headers.get("Content-Type", "")
    if body.media_type(content_type) == APPLY_PATCH:
        return await _apply(call, parameters, raw)
    if parameters.force is not None:
        error = errors.field_forbidden("force", "may not be specified for non-apply patch")
        raise errors.invalid("PatchOptions.meta.k8s.io", "", [error])
    node = schema_node(call.resource)

    def change(current: Object) -> Object:
        shown = conversion.from_storage(call.resource, current)
        return _checked(call, parameters, apply_patch(content_type, shown, raw, node))

    stored = await call.registry.update(
        call.storage, call.namespace, call.name, change, call.write_options(parameters)
    )
    return call.answer_stored(stored)


async def _apply(call: Call, parameters: WriteParameters, raw: bytes) -> web.StreamResponse:
    node = schema_node(call.resource)
    manager = call.request.query.get("fieldManager", "")
    who = writer(call.resource, manager, call.info.subresource, call.registry.now())
    ignored = frozenset(("status",)) if _ignores_status(call) else frozenset[str]()
    apply_options = ApplyOptions(who, force=bool(parameters.force), ignored=ignored)
    options = call.write_options(parameters, tracked=False)

    def change(current: Object | None) -> Object:
        shown = None if current is None else conversion.from_storage(call.resource, current)
        return _checked(call, parameters, apply_patch(APPLY_PATCH, shown, raw, node, apply_options))

    try:
        stored = await call.registry.update(
            call.storage, call.namespace, call.name, change, options
        )
    except errors.StatusError as error:
        missing = error.reason == "NotFound" and error.details.kind == call.resource.plural
        if not missing or call.info.subresource:
            raise
        stored = await call.registry.create(call.storage, call.namespace, change(None), options)
        return call.answer_stored(stored, status=201)
    return call.answer_stored(stored)


def _ignores_status(call: Call) -> bool:
    return call.resource.has_status and not call.info.subresource


def _checked(call: Call, parameters: WriteParameters, patched: Object) -> Object:
    call.check_kind(patched)
    conformed = call.conform(patched, parameters.field_validation)
    call.check_name(conformed)
    return conformed


async def delete(call: Call) -> web.StreamResponse:
    """DELETE of one object: a Status when it is gone, the marked object when it stays."""
    options = delete_options(call.request.query, await call.read_argument("", "DeleteOptions"))
    done = await deletion.delete(call.registry, call.storage, call.namespace, call.name, options)
    if not done.removed:
        return call.answer_stored(done.stored)
    return call.answer(errors.success(_details(call, done.stored)))


async def delete_collection(call: Call) -> web.StreamResponse:
    """DELETE of everything selected; the answer lists it."""
    options = delete_options(call.request.query, await call.read_argument("", "DeleteOptions"))
    parameters = list_parameters(call.request.query)
    selection = parse_selection(call.resource, parameters.label_selector, parameters.field_selector)
    gone = await deletion.delete_collection(
        call.registry, call.storage, call.namespace, selection, options
    )
    page = Page(gone, call.registry.store.revision())
    wanted = call.representation
    encoded = encode.encode_list(call.resource, page, wanted, call.include_object)
    return web.Response(body=encoded, content_type=wanted.media_type)


def _details(call: Call, stored: Stored) -> errors.Details:
    return errors.Details(
        name=call.name,
        group=call.resource.group,
        kind=call.resource.plural,
        uid=stored.value["metadata"].get("uid", ""),
    )
