"""Tokens of ServiceAccounts for the pods that mount them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from controlplane.api.errors import StatusError
from controlplane.api.strategies.service_account_token import token_sources

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controlplane.api.strategy import Reader

Object = dict[str, Any]
LIFETIME_S = 365 * 86400
"""Nothing renews a token in a running pod. Kubernetes, too, makes tokens of pods last a year
(--service-account-extend-token-expiration)."""


class TokenIssuer(Protocol):
    """Who signs tokens."""

    async def issue(
        self, account: Object, audiences: Sequence[str], seconds: int, pod: Object
    ) -> str:
        """A token for the ServiceAccount that is worth nothing once the pod is gone."""


class PodTokens:
    """All tokens of one pod at a time."""

    def __init__(self, issuer: TokenIssuer, reader: Reader) -> None:
        self._issuer = issuer
        self._reader = reader

    async def issue(self, pod: Object) -> dict[str, str]:
        """By volume and path; none for a pod whose ServiceAccount is not there."""
        name = pod["spec"].get("serviceAccountName") or "default"
        try:
            account = await self._reader.get("serviceaccounts", name, pod["metadata"]["namespace"])
        except StatusError:
            return {}
        tokens = {}
        for volume, source in token_sources(pod):
            audience = source.get("audience")
            audiences = [audience] if audience else []
            token = await self._issuer.issue(account, audiences, LIFETIME_S, pod)
            tokens[f"{volume}/{source['path']}"] = token
        return tokens
