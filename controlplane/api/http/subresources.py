"""The paths below objects that are not plain reads and writes: scale, binding, eviction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controlplane.api import errors
from controlplane.api import eviction as evicting
from controlplane.api.access.reviews import answer_review
from controlplane.api.access.token_requests import answer_token_request, answer_token_review
from controlplane.api.http import body
from controlplane.api.http.parameters import delete_options
from controlplane.api.patch import apply_patch
from controlplane.api.scale import scale_of, with_scale
from controlplane.api.schemas.conform import conform

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

    from controlplane.api.http.call import Call, Handler
    from controlplane.api.http.parameters import WriteParameters

Object = dict[str, Any]


async def get_scale(call: Call) -> web.StreamResponse:
    """The Scale of a workload."""
    stored = await call.registry.get(call.resource, call.namespace, call.name)
    return call.answer(scale_of(stored.value))


async def put_scale(call: Call) -> web.StreamResponse:
    """Sets the replicas of a workload."""
    scale = await call.read_argument("autoscaling", "Scale")
    return await _rescale(call, call.parameters(), lambda current: with_scale(current, scale))


async def patch_scale(call: Call) -> web.StreamResponse:
    """Patches the Scale of a workload, which is to patch its replicas."""
    raw = await body.read(call.request)
    content_type = call.request.headers.get("Content-Type", "")

    def change(current: Object) -> Object:
        patched = apply_patch(content_type, scale_of(current), raw, None)
        return with_scale(current, conform(patched, "autoscaling", "v1", "Scale"))

    return await _rescale(call, call.parameters(), change)


async def _rescale(call: Call, parameters: WriteParameters, change: Any) -> web.StreamResponse:
    stored = await call.registry.update(
        call.resource, call.namespace, call.name, change, call.write_options(parameters)
    )
    return call.answer(scale_of(stored.value))


async def bind(call: Call) -> web.StreamResponse:
    """Binds a pod to a node, once."""
    binding = await call.read_argument("", "Binding")
    node = str((binding.get("target") or {}).get("name") or "")
    if not node:
        raise errors.invalid("Binding", call.name, [errors.required("target.name")])

    def change(pod: Object) -> Object:
        spec = pod.setdefault("spec", {})
        if pod["metadata"].get("deletionTimestamp"):
            raise errors.conflict("pods/binding", call.name, f"pod {call.name} is being deleted")
        if spec.get("nodeName"):
            why = f'pod {call.name} is already assigned to node "{spec["nodeName"]}"'
            raise errors.conflict("pods/binding", call.name, why)
        spec["nodeName"] = node
        return pod

    parameters = call.parameters()
    await call.registry.update(
        call.resource, call.namespace, call.name, change, call.write_options(parameters)
    )
    return call.answer(errors.success(errors.Details()), status=201)


async def evict(call: Call) -> web.StreamResponse:
    """Deletes a pod as `kubectl drain` asks for it: if its disruption budget allows."""
    eviction = await call.read_argument("policy", "Eviction")
    name = str((eviction.get("metadata") or {}).get("name") or call.name)
    if name != call.name:
        raise errors.bad_request("name in URL does not match name in Eviction object")
    options = delete_options(call.request.query, eviction.get("deleteOptions") or {})
    await evicting.evict(call.registry, call.resource, str(call.namespace), call.name, options)
    return call.answer(errors.success(errors.Details()), status=201)


async def review(call: Call) -> web.StreamResponse:
    """Answers a question about the caller; nothing is stored."""
    obj = await call.read_object("Ignore")
    if call.resource.kind == "TokenReview":
        answer = await answer_token_review(obj, call.access.tokens)
    else:
        authorizer = call.access.authorizer
        kind = call.resource.kind
        answer = answer_review(kind, obj, call.user, authorizer, call.namespace)
    return call.answer(answer, status=201)


async def create_token(call: Call) -> web.StreamResponse:
    """A token of a ServiceAccount."""
    tokens, reader = call.access.tokens, call.registry.reader
    if tokens is None or reader is None:
        raise errors.StatusError(501, "NotImplemented", "this API server issues no tokens")
    request = await call.read_argument("authentication.k8s.io", "TokenRequest")
    account = await call.registry.get(call.resource, call.namespace, call.name)
    now = call.registry.now()
    answer = await answer_token_request(request, account.value, tokens, reader, now)
    return call.answer(answer, status=201)


HANDLERS: Mapping[tuple[str, str], Handler] = {
    ("scale", "get"): get_scale,
    ("scale", "update"): put_scale,
    ("scale", "patch"): patch_scale,
    ("binding", "create"): bind,
    ("eviction", "create"): evict,
    ("token", "create"): create_token,
}
"""By subresource and verb."""
