"""Tokens of ServiceAccounts: signed, bound to objects, and worth nothing once these are gone.

Source: KEP-1205, Kubernetes pkg/serviceaccount/claims.go.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from controlplane.api.access.user import User, service_account
from controlplane.api.errors import StatusError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from controlplane.api.access.signing import Signer
    from controlplane.api.strategy import Reader

Object = dict[str, Any]
MAX_TOKEN_BYTES = 16 * 1024
_CLAIMS = "kubernetes.io"
_BOUND = {"pod": "pods", "secret": "secrets"}


@dataclass(frozen=True, slots=True)
class Bound:
    """The object with which a token goes: a pod, mostly."""

    kind: str
    name: str
    uid: str


class Tokens:
    """Issues and checks tokens. `issuer` is also the audience that the API answers to."""

    def __init__(self, key_file: Path, issuer: str, reader: Reader) -> None:
        self._key_file, self.issuer, self._reader = key_file, issuer, reader

    @cached_property
    def _signer(self) -> Signer:
        from controlplane.api.access.signing import Signer

        return Signer(self._key_file)

    def issue(
        self,
        account: Object,
        audiences: Sequence[str],
        seconds: int,
        now_s: float,
        bound: Bound | None = None,
    ) -> tuple[str, int]:
        """A token for the ServiceAccount, and when it expires (Unix seconds)."""
        about = account["metadata"]
        issued, expires = int(now_s), int(now_s) + seconds
        private: Object = {
            "namespace": about["namespace"],
            "serviceaccount": {"name": about["name"], "uid": about["uid"]},
        }
        if bound is not None:
            private[bound.kind.lower()] = {"name": bound.name, "uid": bound.uid}
        claims = {
            "aud": list(audiences or (self.issuer,)),
            "exp": expires,
            "iat": issued,
            "nbf": issued,
            "iss": self.issuer,
            "sub": f"system:serviceaccount:{about['namespace']}:{about['name']}",
            _CLAIMS: private,
        }
        return self._signer.sign(claims), expires

    async def user(self, token: str, audiences: Sequence[str] = ()) -> User | None:
        """Whose token it is; None when it is no good (any more) for one of the audiences."""
        if len(token) > MAX_TOKEN_BYTES or token.count(".") != 2:
            return None
        claims = self._signer.verified(token, audiences or (self.issuer,), self.issuer)
        try:
            private: Object = (claims or {})[_CLAIMS]
            namespace, account = str(private["namespace"]), private["serviceaccount"]
            name, uid = str(account["name"]), str(account["uid"])
            bound = {kind: (private[kind]["name"], private[kind]["uid"])
                     for kind in _BOUND if kind in private}  # fmt: skip
        except (KeyError, TypeError):
            return None
        if not await self._is_there("serviceaccounts", namespace, name, uid):
            return None
        extra: dict[str, tuple[str, ...]] = {}
        for kind, (bound_name, bound_uid) in bound.items():
            if not await self._is_there(_BOUND[kind], namespace, bound_name, bound_uid):
                return None
            extra[f"authentication.kubernetes.io/{kind}-name"] = (bound_name,)
            extra[f"authentication.kubernetes.io/{kind}-uid"] = (bound_uid,)
        found = service_account(namespace, name, uid)
        return User(found.name, found.groups, uid, extra)

    def key_set(self) -> Object:
        """A JSON Web Key Set (RFC 7517), for whoever checks tokens elsewhere."""
        return {"keys": [self._signer.public]}

    def discovery(self, jwks_uri: str) -> Object:
        """OpenID Connect Discovery 1.0, as Kubernetes serves it."""
        return {
            "issuer": self.issuer,
            "jwks_uri": jwks_uri,
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        }

    async def _is_there(self, resource: str, namespace: str, name: str, uid: str) -> bool:
        try:
            found = await self._reader.get(resource, name, namespace)
        except StatusError:
            return False
        return bool(found["metadata"]["uid"] == uid)
