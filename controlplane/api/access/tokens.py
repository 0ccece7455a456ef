"""Tokens of ServiceAccounts: signed, bound to objects, and worth nothing once these are gone.

JSON Web Tokens signed with ES256. Source: KEP-1205, Kubernetes pkg/serviceaccount/claims.go.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jwt
from jwt.algorithms import ECAlgorithm

from controlplane.api.access.user import User, service_account
from controlplane.api.errors import StatusError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

    from controlplane.api.strategy import Reader

Object = dict[str, Any]
DEFAULT_SECONDS = 3600
MIN_SECONDS = 600
MAX_SECONDS = 1 << 32
MAX_TOKEN_BYTES = 16 * 1024
_ALGORITHM = "ES256"
_CLAIMS = "kubernetes.io"
_LEEWAY_S = 10


@dataclass(frozen=True, slots=True)
class Bound:
    """The object with which a token goes: a pod, mostly."""

    kind: str
    name: str
    uid: str


class Tokens:
    """Issues and checks tokens. `issuer` is also the audience that the API answers to."""

    def __init__(self, key: EllipticCurvePrivateKey, issuer: str, reader: Reader) -> None:
        self._key, self.issuer, self._reader = key, issuer, reader
        public = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
        canonical = json.dumps({name: public[name] for name in ("crv", "kty", "x", "y")})
        self._key_id = hashlib.sha256(canonical.encode()).hexdigest()[:32]
        self._public = public

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
        headers = {"kid": self._key_id}
        return jwt.encode(claims, self._key, algorithm=_ALGORITHM, headers=headers), expires

    async def user(self, token: str, audiences: Sequence[str] = ()) -> User | None:
        """Whose token it is; None when it is no good (any more) for one of the audiences."""
        if len(token) > MAX_TOKEN_BYTES:
            return None
        try:
            claims = jwt.decode(
                token,
                self._key.public_key(),
                algorithms=[_ALGORITHM],
                audience=list(audiences or (self.issuer,)),
                issuer=self.issuer,
                leeway=_LEEWAY_S,
                options={"require": ["exp", "iat", "iss", "sub", "aud"]},
            )
            private = claims[_CLAIMS]
            namespace, account = str(private["namespace"]), private["serviceaccount"]
            name, uid = str(account["name"]), str(account["uid"])
        except (jwt.PyJWTError, KeyError, TypeError, ValueError):
            return None
        if not await self._is_there("serviceaccounts", namespace, name, uid):
            return None
        extra: dict[str, tuple[str, ...]] = {}
        for kind in ("pod", "secret"):
            bound = private.get(kind)
            if bound is None:
                continue
            if not await self._is_there(f"{kind}s", namespace, bound["name"], bound["uid"]):
                return None
            extra[f"authentication.kubernetes.io/{kind}-name"] = (bound["name"],)
            extra[f"authentication.kubernetes.io/{kind}-uid"] = (bound["uid"],)
        found = service_account(namespace, name, uid)
        return User(found.name, found.groups, uid, extra)

    def key_set(self) -> Object:
        """The public key as a JSON Web Key Set (RFC 7517), for whoever checks tokens elsewhere."""
        key = {**self._public, "use": "sig", "alg": _ALGORITHM, "kid": self._key_id}
        return {"keys": [{name: key[name] for name in key if name != "key_ops"}]}

    def discovery(self, jwks_uri: str) -> Object:
        """OpenID Connect Discovery 1.0, as Kubernetes serves it."""
        return {
            "issuer": self.issuer,
            "jwks_uri": jwks_uri,
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [_ALGORITHM],
        }

    async def _is_there(self, resource: str, namespace: str, name: str, uid: str) -> bool:
        try:
            found = await self._reader.get(resource, name, namespace)
        except StatusError:
            return False
        about = found["metadata"]
        return bool(about["uid"] == uid)
