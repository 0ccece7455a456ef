"""No proxy at all: Services have addresses, and nothing translates them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from netcore.service.balancing import Choice, Scope
from netcore.service.frontend import Frontend, FrontendKey
from netcore.service.listings.base import Listing, ProxyTables
from netcore.service.modes.base import HashedRules, Offer, Rules


@dataclass(frozen=True)
class NoProxy:
    """See netcore.service.modes.base.ProxyMode. Nothing is ever found, so nothing chosen."""

    name: ClassVar[str] = "none"
    refuses_unknown_ports: ClassVar[bool] = False
    refuses_without_local_endpoints: ClassVar[bool] = False

    def compile(self, frontends: Mapping[FrontendKey, Frontend]) -> Rules:
        return HashedRules({})

    def affinity_scope(self, frontend: Frontend) -> Scope:
        return frontend.key

    def choose(self, offer: Offer) -> Choice:
        raise NotImplementedError("there is no frontend to choose a backend of")

    def listings(self, tables: ProxyTables) -> tuple[Listing, ...]:
        return ()
