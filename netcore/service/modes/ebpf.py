"""Cilium's kube-proxy replacement: hash maps in eBPF, backends by chance or by Maglev.

A node to which a policy of `Local` leaves no endpoint refuses, where kube-proxy lets fall: it has
as few backends as for a Service without endpoints (--service-no-backend-response=reject).

Source: Cilium bpf/lib/lb.h (lb4_select_backend_id, lb4_local), Documentation/network/kubernetes/
kubeproxy-free.rst.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from netcore.conntrack.tuple import pack_flow
from netcore.service.balancing import Choice, Scope
from netcore.service.frontend import Backend, Frontend, FrontendKey
from netcore.service.listings.base import Listing, ProxyTables
from netcore.service.listings.cilium_bpf_lb import cilium_listing
from netcore.service.maglev import TABLE_SIZE, maglev_entry, maglev_table
from netcore.service.modes.base import HashedRules, Offer, Rules

_KEPT_TABLES = 256


@dataclass(frozen=True)
class Ebpf:
    """See netcore.service.modes.base.ProxyMode. `algorithm` is `random` or `maglev`.

    The Maglev tables that were used last are kept.
    """

    name: ClassVar[str] = "ebpf"
    refuses_unknown_ports: ClassVar[bool] = True
    refuses_without_local_endpoints: ClassVar[bool] = True
    algorithm: str = "random"
    _tables: OrderedDict[tuple[Backend, ...], Sequence[int]] = field(
        default_factory=OrderedDict, compare=False, repr=False
    )

    def compile(self, frontends: Mapping[FrontendKey, Frontend]) -> Rules:
        return HashedRules(frontends)

    def affinity_scope(self, frontend: Frontend) -> Scope:
        return frontend.key  # lb4_affinity is keyed by the frontend's rev_nat_id

    def choose(self, offer: Offer) -> Choice:
        count = len(offer.backends)
        if self.algorithm == "maglev":
            entry = maglev_entry(pack_flow(offer.flow))
            number = self._table(offer.backends)[entry]
            why = f"maglev: entry {entry} of {TABLE_SIZE} holds endpoint {number + 1} of {count}"
            return Choice(offer.backends[number], why)
        number = offer.random_below(count)
        return Choice(offer.backends[number], f"random: endpoint {number + 1} of {count}")

    def listings(self, tables: ProxyTables) -> tuple[Listing, ...]:
        return (cilium_listing(tables),)

    def _table(self, backends: tuple[Backend, ...]) -> Sequence[int]:
        table = self._tables.get(backends)
        if table is None:
            table = maglev_table([b.ip + b.port.to_bytes(2, "big") for b in backends])
            self._tables[backends] = table
            if len(self._tables) > _KEPT_TABLES:
                self._tables.popitem(last=False)
        else:
            self._tables.move_to_end(backends)
        return table
