"""JSON Web Tokens (RFC 7519) signed with ES256. Imported when the first token is asked for: the
library takes longer to load than the rest of the API server to start.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from jwt.algorithms import ECAlgorithm

from netcore.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ALGORITHM = "ES256"
_LEEWAY_S = 10
_REQUIRED = ["exp", "iat", "iss", "sub", "aud"]


class Signer:
    """Signs and verifies with one EC key."""

    def __init__(self, key_file: Path) -> None:
        """Raises ConfigError when the file is not a private EC key in PEM."""
        try:
            key = load_pem_private_key(key_file.read_bytes(), None)
        except (OSError, ValueError) as error:
            raise ConfigError(f"{key_file} cannot be read as a key: {error}") from error
        if not isinstance(key, EllipticCurvePrivateKey):
            raise ConfigError(f"{key_file} is no EC key")
        self._key = key
        public: dict[str, Any] = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
        canonical = json.dumps({name: public[name] for name in ("crv", "kty", "x", "y")})
        self._key_id = hashlib.sha256(canonical.encode()).hexdigest()[:32]
        fields = {name: public[name] for name in public if name != "key_ops"}
        self.public = {**fields, "use": "sig", "alg": ALGORITHM, "kid": self._key_id}
        """The public key as a JSON Web Key (RFC 7517)."""

    def sign(self, claims: dict[str, Any]) -> str:
        return jwt.encode(claims, self._key, algorithm=ALGORITHM, headers={"kid": self._key_id})

    def verified(self, token: str, audiences: Sequence[str], issuer: str) -> dict[str, Any] | None:
        """The claims of a token that is valid now for one of the audiences; else None."""
        try:
            return dict(
                jwt.decode(
                    token,
                    self._key.public_key(),
                    algorithms=[ALGORITHM],
                    audience=list(audiences),
                    issuer=issuer,
                    leeway=_LEEWAY_S,
                    options={"require": _REQUIRED},
                )
            )
        except (jwt.PyJWTError, ValueError, TypeError):
            return None
