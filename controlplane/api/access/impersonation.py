"""`kubectl --as`: acting as somebody else, for those who may.

Source: k8s.io/apiserver pkg/endpoints/filters/impersonation.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

from controlplane.api.access.attributes import Attributes, forbidden
from controlplane.api.access.user import (
    ANONYMOUS,
    SERVICE_ACCOUNT_PREFIX,
    UNAUTHENTICATED,
    User,
    authenticated,
    service_account,
)
from controlplane.api.errors import bad_request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from multidict import CIMultiDictProxy

    from controlplane.api.access.authorizer import Authorizer

_USER, _GROUP, _UID = "Impersonate-User", "Impersonate-Group", "Impersonate-Uid"
_EXTRA = "impersonate-extra-"
_AUTHENTICATION = "authentication.k8s.io"
MAX_VALUES = 256


def acting_user(user: User, headers: CIMultiDictProxy[str], authorizer: Authorizer) -> User:
    """Whom the request is made as. Raises StatusError 400, 403."""
    name = headers.get(_USER, "")
    groups = tuple(headers.getall(_GROUP, ()))
    uid = headers.get(_UID, "")
    extra = _extra(headers)
    if not name:
        if groups or uid or extra:
            raise bad_request("requested extra, groups or UID without impersonating a user")
        return user
    if len(groups) + len(extra) > MAX_VALUES:
        raise bad_request(f"at most {MAX_VALUES} groups and extras can be impersonated")
    for wanted in _wanted(name, groups, uid, extra):
        if not authorizer.decide(user, wanted).allowed:
            raise forbidden(user, wanted)
    return _impersonated(name, groups, uid, extra)


def _impersonated(
    name: str, groups: tuple[str, ...], uid: str, extra: dict[str, tuple[str, ...]]
) -> User:
    if name.startswith(SERVICE_ACCOUNT_PREFIX) and not groups:
        namespace, _, account = name.removeprefix(SERVICE_ACCOUNT_PREFIX).partition(":")
        groups = service_account(namespace, account).groups
    if name == ANONYMOUS.name:
        return User(name, groups or (UNAUTHENTICATED,), uid, extra)
    return authenticated(User(name, groups, uid, extra))


def _wanted(
    name: str, groups: tuple[str, ...], uid: str, extra: dict[str, tuple[str, ...]]
) -> Iterator[Attributes]:
    """What the caller has to be allowed."""
    if name.startswith(SERVICE_ACCOUNT_PREFIX) and ":" in name[len(SERVICE_ACCOUNT_PREFIX) :]:
        namespace, _, account = name.removeprefix(SERVICE_ACCOUNT_PREFIX).partition(":")
        yield Attributes("impersonate", "", "serviceaccounts", "", namespace, account)
    else:
        yield Attributes("impersonate", resource="users", name=name)
    for group in groups:
        yield Attributes("impersonate", resource="groups", name=group)
    if uid:
        yield Attributes("impersonate", _AUTHENTICATION, "uids", name=uid)
    for key, values in extra.items():
        for value in values:
            yield Attributes("impersonate", _AUTHENTICATION, "userextras", key, name=value)


def _extra(headers: CIMultiDictProxy[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for header, value in headers.items():
        lower = header.lower()
        if lower.startswith(_EXTRA):
            key = unquote(lower.removeprefix(_EXTRA))
            found[key] = (*found.get(key, ()), value)
    return found
