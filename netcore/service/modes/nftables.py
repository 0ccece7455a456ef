"""kube-proxy's nftables mode: verdict maps, chance by `numgen random`.

Source: Kubernetes pkg/proxy/nftables/proxier.go.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from netcore.service.balancing import Choice, Scope
from netcore.service.frontend import Frontend, FrontendKey
from netcore.service.listings.base import Listing, ProxyTables
from netcore.service.listings.nft import nft_listings
from netcore.service.modes.base import HashedRules, Offer, Rules, service_port_scope


@dataclass(frozen=True)
class Nftables:
    """See netcore.service.modes.base.ProxyMode."""

    name: ClassVar[str] = "nftables"
    refuses_unknown_ports: ClassVar[bool] = True
    refuses_without_local_endpoints: ClassVar[bool] = False

    def compile(self, frontends: Mapping[FrontendKey, Frontend]) -> Rules:
        return HashedRules(frontends)

    def affinity_scope(self, frontend: Frontend) -> Scope:
        return service_port_scope(frontend)  # the sets belong to the endpoints' chains

    def choose(self, offer: Offer) -> Choice:
        count = len(offer.backends)
        number = offer.random_below(count)
        return Choice(offer.backends[number], f"numgen random mod {count} gave {number}")

    def listings(self, tables: ProxyTables) -> tuple[Listing, ...]:
        return tuple(nft_listings(tables))
