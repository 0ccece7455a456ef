"""Who sends a request: a client certificate of the cluster's CA, or a bearer token."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from controlplane.api.access import User

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

ADMIN = User("kubernetes-admin", ("system:masters",))


@dataclass(frozen=True, slots=True)
class Credentials:
    """The bearer tokens that are known. (Certificates are checked by TLS itself.)"""

    tokens: Mapping[str, User] = field(default_factory=dict)


def authenticate(request: web.BaseRequest, credentials: Credentials | None) -> User | None:
    """The user, or None for somebody unknown."""
    if credentials is None:
        return ADMIN
    transport = request.transport
    certificate = transport.get_extra_info("peercert") if transport is not None else None
    if certificate:
        return user_of_certificate(certificate)
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return None
    given = token.strip().encode()
    matches = (u for t, u in credentials.tokens.items() if hmac.compare_digest(t.encode(), given))
    return next(matches, None)


def user_of_certificate(certificate: Mapping[str, Any]) -> User | None:
    """Common name and organizations of a verified peer certificate, as the ssl module gives it."""
    names: dict[str, list[str]] = {}
    for part in certificate.get("subject", ()):
        for name, value in part:
            names.setdefault(name, []).append(value)
    if "commonName" not in names:
        return None
    return User(names["commonName"][0], tuple(names.get("organizationName", ())))
