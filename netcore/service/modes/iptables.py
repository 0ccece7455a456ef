"""kube-proxy's iptables mode: chains that are walked from the top, chance by probabilities.

Source: Kubernetes pkg/proxy/iptables/proxier.go. A packet of a new connection visits the rules
of KUBE-SERVICES one by one, the last of which leads to KUBE-NODEPORTS; the chain of a Service
port has a rule for each endpoint, of which the first is taken with a probability of 1/n, the
second with 1/(n-1) of what is left, and so on: every endpoint with the same chance.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from netcore.service.balancing import Choice, Scope
from netcore.service.frontend import ANY_NODE, Frontend, FrontendKey
from netcore.service.listings.base import Listing, ProxyTables
from netcore.service.listings.iptables_save import iptables_listings
from netcore.service.modes.base import Offer, Rules, service_port_scope

_NODE_ADDRESSES = frozenset(ANY_NODE.values())


class ChainRules:
    """KUBE-SERVICES and KUBE-NODEPORTS, in the order in which the frontends came."""

    def __init__(self, frontends: Mapping[FrontendKey, Frontend]) -> None:
        self._frontends = frontends
        self._services: tuple[FrontendKey, ...] | None = None
        self._node_ports: tuple[FrontendKey, ...] = ()

    def find(self, key: FrontendKey) -> tuple[Frontend | None, int]:
        services, node_ports = self._chains()
        last = len(services) + 1  # the rule that leads to KUBE-NODEPORTS
        if key[0] in _NODE_ADDRESSES:
            chain, before, all_of_them = node_ports, last, last + len(node_ports)
        else:
            chain, before, all_of_them = services, 0, last
        try:
            visited = chain.index(key)  # rule by rule, as in the kernel
        except ValueError:
            return None, all_of_them
        return self._frontends[key], before + visited + 1

    def _chains(self) -> tuple[tuple[FrontendKey, ...], tuple[FrontendKey, ...]]:
        if self._services is None:
            self._services = tuple(k for k in self._frontends if k[0] not in _NODE_ADDRESSES)
            self._node_ports = tuple(k for k in self._frontends if k[0] in _NODE_ADDRESSES)
        return self._services, self._node_ports


@dataclass(frozen=True)
class Iptables:
    """See netcore.service.modes.base.ProxyMode."""

    name: ClassVar[str] = "iptables"
    refuses_unknown_ports: ClassVar[bool] = False
    refuses_without_local_endpoints: ClassVar[bool] = False

    def compile(self, frontends: Mapping[FrontendKey, Frontend]) -> Rules:
        return ChainRules(frontends)

    def affinity_scope(self, frontend: Frontend) -> Scope:
        return service_port_scope(frontend)  # the `recent` lists belong to KUBE-SEP chains

    def choose(self, offer: Offer) -> Choice:
        count = len(offer.backends)
        for at in range(count - 1):
            if offer.random_below(count - at) == 0:
                why = f"rule {at + 1} of {count}: --probability {1 / (count - at):.5f} held"
                return Choice(offer.backends[at], why)
        return Choice(offer.backends[-1], f"rule {count} of {count}: no other one held")

    def listings(self, tables: ProxyTables) -> tuple[Listing, ...]:
        return tuple(iptables_listings(tables))
