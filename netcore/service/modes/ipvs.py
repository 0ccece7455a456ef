"""kube-proxy's ipvs mode: a hash table of virtual servers, each with a scheduler.

Source: Kubernetes pkg/proxy/ipvs/proxier.go.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from netcore.service.balancing import Choice, Scope
from netcore.service.frontend import Frontend, FrontendKey
from netcore.service.listings.base import Listing, ProxyTables
from netcore.service.listings.ipvsadm import ipvsadm_listing
from netcore.service.modes.base import HashedRules, Offer, Rules
from netcore.service.schedulers import SCHEDULERS


@dataclass(frozen=True)
class Ipvs:
    """See netcore.service.modes.base.ProxyMode. `scheduler` is a name that ipvsadm knows."""

    name: ClassVar[str] = "ipvs"
    refuses_unknown_ports: ClassVar[bool] = True
    refuses_without_local_endpoints: ClassVar[bool] = False
    scheduler: str = "rr"

    def compile(self, frontends: Mapping[FrontendKey, Frontend]) -> Rules:
        return HashedRules(frontends)

    def affinity_scope(self, frontend: Frontend) -> Scope:
        return frontend.key  # a virtual server's persistence is its own

    def choose(self, offer: Offer) -> Choice:
        return SCHEDULERS[self.scheduler](offer)

    def listings(self, tables: ProxyTables) -> tuple[Listing, ...]:
        return (ipvsadm_listing(tables, self.scheduler),)
