"""Tokens of ServiceAccounts for the pods that mount them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from controlplane.api.access.tokens import Bound
from controlplane.api.errors import StatusError
from controlplane.api.strategies.service_account_token import token_sources

if TYPE_CHECKING:
    from controlplane.api.access.tokens import Tokens
    from controlplane.api.strategy import Reader

Object = dict[str, Any]
Clock = Callable[[], datetime]
LIFETIME_S = 365 * 86400
"""Nothing renews a token in a running pod. Kubernetes, too, makes tokens of pods last a year
(--service-account-extend-token-expiration)."""


class PodTokens:
    """All tokens of one pod at a time, each worth nothing once the pod is gone."""

    def __init__(self, tokens: Tokens, reader: Reader, clock: Clock) -> None:
        self._tokens, self._reader, self._clock = tokens, reader, clock

    async def issue(self, pod: Object) -> dict[str, str]:
        """By volume and path; none for a pod whose ServiceAccount is not there."""
        name = pod["spec"].get("serviceAccountName") or "default"
        try:
            account = await self._reader.get("serviceaccounts", name, pod["metadata"]["namespace"])
        except StatusError:
            return {}
        about, now_s = pod["metadata"], self._clock().timestamp()
        bound = Bound("Pod", about["name"], about["uid"])
        tokens = {}
        for volume, source in token_sources(pod):
            audience = source.get("audience")
            audiences = [audience] if audience else []
            token, _ = self._tokens.issue(account, audiences, LIFETIME_S, now_s, bound)
            tokens[f"{volume}/{source['path']}"] = token
        return tokens
