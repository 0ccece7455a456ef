"""`kubectl create token`, and what pods are given: the subresource serviceaccounts/token.

Source: Kubernetes pkg/registry/core/serviceaccount/storage/token.go.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from controlplane.api import errors
from controlplane.api.access.tokens import Bound

if TYPE_CHECKING:
    from controlplane.api.access.tokens import Tokens
    from controlplane.api.strategy import Reader

Object = dict[str, Any]
DEFAULT_SECONDS = 3600
_MIN_SECONDS = 600
_MAX_SECONDS = 1 << 32
_KINDS = {"Pod": "pods", "Secret": "secrets"}


async def answer_token_request(
    request: Object, account: Object, tokens: Tokens, reader: Reader, now: datetime
) -> Object:
    """The TokenRequest with its status. Raises StatusError 422, 404, 409."""
    spec = request.get("spec") or {}
    seconds = int(spec.get("expirationSeconds") or DEFAULT_SECONDS)
    name = account["metadata"]["name"]
    if not _MIN_SECONDS <= seconds <= _MAX_SECONDS:
        few = seconds < _MIN_SECONDS
        detail = (
            "may not specify a duration less than 10 minutes"
            if few
            else ("may not specify a duration larger than 2^32 seconds")
        )
        wrong = errors.invalid_value("spec.expirationSeconds", seconds, detail)
        raise errors.invalid("TokenRequest.authentication.k8s.io", name, [wrong])
    bound = await _bound(spec.get("boundObjectRef"), account, reader)
    audiences = [str(each) for each in spec.get("audiences") or ()]
    token, expires = tokens.issue(account, audiences, seconds, now.timestamp(), bound)
    moment = datetime.fromtimestamp(expires, UTC)
    return {
        "kind": "TokenRequest",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": {"name": name, "namespace": account["metadata"]["namespace"]},
        "spec": {
            **spec,
            "audiences": audiences or [tokens.issuer],
            "expirationSeconds": seconds,
        },
        "status": {"token": token, "expirationTimestamp": f"{moment:%Y-%m-%dT%H:%M:%SZ}"},
    }


async def _bound(reference: Object | None, account: Object, reader: Reader) -> Bound | None:
    if reference is None:
        return None
    about = account["metadata"]
    kind, name = str(reference.get("kind") or ""), str(reference.get("name") or "")
    resource = _KINDS.get(kind)
    if resource is None:
        raise errors.bad_request(f"cannot bind token to object of type {kind!r}")
    found = await reader.get(resource, name, about["namespace"])
    uid = found["metadata"]["uid"]
    if reference.get("uid") not in (None, "", uid):
        why = "the UID in the bound object reference does not match the UID in record"
        raise errors.conflict(resource, name, why)
    own = (found.get("spec") or {}).get("serviceAccountName")
    if kind == "Pod" and own != about["name"]:
        raise errors.bad_request(
            f'cannot bind token for serviceaccount "{about["name"]}" to pod running with '
            f'different serviceaccount name "{own}"'
        )
    return Bound(kind, name, uid)


async def answer_token_review(review: Object, tokens: Tokens | None) -> Object:
    """The TokenReview with its status: whose token it is."""
    spec = review.get("spec") or {}
    audiences = [str(each) for each in spec.get("audiences") or ()]
    token = str(spec.get("token") or "")
    user = await tokens.user(token, audiences) if tokens is not None else None
    if user is None:
        status: Object = {"authenticated": False, "user": {}, "error": "invalid bearer token"}
    else:
        found = audiences or ([tokens.issuer] if tokens is not None else [])
        status = {"authenticated": True, "user": user.info(), "audiences": found}
    return {**review, "metadata": {**(review.get("metadata") or {})}, "status": status}
