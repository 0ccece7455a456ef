"""What a proxy mode is: how a packet finds its frontend, and a connection its backend."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from netcore.conntrack.tuple import FlowTuple
from netcore.service.balancing import BalancingView, Choice, Load, Scope, ServicePortScope, Stick
from netcore.service.frontend import Backend, Frontend, FrontendKey
from netcore.service.listings.base import Listing, ProxyTables


class Rules(Protocol):
    """The frontends of one snapshot, in the order or form in which the mode looks at them."""

    def find(self, key: FrontendKey) -> tuple[Frontend | None, int]:
        """The frontend, and how many rules a packet to it visits; without one, in vain."""
        ...


@dataclass(frozen=True, slots=True)
class HashedRules:
    """One look-up, however many there are."""

    frontends: Mapping[FrontendKey, Frontend]

    def find(self, key: FrontendKey) -> tuple[Frontend | None, int]:
        return self.frontends.get(key), 1


@dataclass(frozen=True, slots=True)
class Offer:
    """A new connection to `frontend`, and who may answer it: at least one."""

    frontend: Frontend
    backends: tuple[Backend, ...]
    flow: FlowTuple
    now_s: float
    balancing: BalancingView
    load: Load
    random_below: Callable[[int], int]


class ProxyMode(Protocol):
    """One way to be a kube-proxy. Everything here is pure."""

    @property
    def name(self) -> str:
        """As in kind's kubeProxyMode."""
        ...

    @property
    def refuses_unknown_ports(self) -> bool:
        """Whether a cluster IP refuses ports that its Service has not; else they are routed on."""
        ...

    @property
    def refuses_without_local_endpoints(self) -> bool:
        """Whether a node that a policy of `Local` leaves without endpoints refuses connections;
        else it lets them fall.
        """
        ...

    def compile(self, frontends: Mapping[FrontendKey, Frontend]) -> Rules:
        """What packets are matched against from now on."""
        ...

    def affinity_scope(self, frontend: Frontend) -> Scope:
        """Within which a client stays with its backend."""
        ...

    def choose(self, offer: Offer) -> Choice:
        """The backend of a connection whose client has none yet."""
        ...

    def listings(self, tables: ProxyTables) -> tuple[Listing, ...]:
        """What the tools of this mode would print of a node with these tables."""
        ...


def choose_backend(mode: ProxyMode, offer: Offer) -> Choice:
    """The client's backend if it has one, else the mode's choice; it sticks if it shall."""
    service = offer.frontend.service
    if service.session_affinity != "ClientIP":
        return mode.choose(offer)
    scope, client = mode.affinity_scope(offer.frontend), offer.flow.src
    place = offer.balancing.sticks_to(scope, client, offer.now_s)
    kept = next((backend for backend in offer.backends if backend.place == place), None)
    timeout_s = service.session_affinity_timeout_s
    if kept is not None:
        why = f"the client stays with its endpoint for {timeout_s} s (session affinity)"
        return Choice(kept, why, (Stick(scope, client, kept.place, timeout_s),))
    chosen = mode.choose(offer)
    stick = Stick(scope, client, chosen.backend.place, timeout_s)
    return Choice(chosen.backend, chosen.why, (*chosen.updates, stick))


def service_port_scope(frontend: Frontend) -> ServicePortScope:
    """The scope that a frontend shares with all others of its Service port."""
    return ServicePortScope(frontend.service.key, frontend.port.name, frontend.port.protocol)
