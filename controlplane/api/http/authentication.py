"""Who sends a request: a client certificate of the cluster's CA, or a bearer token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controlplane.api.access.user import ADMIN, ANONYMOUS, User, authenticated
from controlplane.api.errors import unauthorized

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

    from controlplane.api.access.service import Access


async def authenticate(request: web.BaseRequest, access: Access | None) -> User:
    """Who it is; whoever shows nothing is anonymous. Raises StatusError 401 for credentials that
    are no good. (Certificates are checked by TLS itself.)
    """
    if access is None:
        return ADMIN
    transport = request.transport
    certificate = transport.get_extra_info("peercert") if transport is not None else None
    user = user_of_certificate(certificate) if certificate else None
    if user is not None:
        return authenticated(user)
    shown = request.headers.get("Authorization")
    if shown is None:
        return ANONYMOUS
    scheme, _, token = shown.partition(" ")
    if scheme.lower() == "bearer" and access.tokens is not None:
        user = await access.tokens.user(token.strip())
    if user is None:
        raise unauthorized()
    return user


def user_of_certificate(certificate: Mapping[str, Any]) -> User | None:
    """Common name and organizations of a verified peer certificate, as the ssl module gives it."""
    names: dict[str, list[str]] = {}
    for part in certificate.get("subject", ()):
        for name, value in part:
            names.setdefault(name, []).append(value)
    if "commonName" not in names:
        return None
    return User(names["commonName"][0], tuple(names.get("organizationName", ())))
