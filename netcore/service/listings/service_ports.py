"""Service ports as kube-proxy's rules see them: one set of chains for each. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from netcore.model.address import authority
from netcore.packet.protocols import PROTOCOL_NAMES
from netcore.service.frontend import Backend, Frontend, FrontendKind


@dataclass(frozen=True, slots=True)
class RefusedBecause:
    """No endpoint may answer. kube-proxy refuses when there is none, and drops when there is
    none on this node, so that a load balancer looks for another one.
    """

    drops: bool

    @property
    def comment(self) -> str:
        return "has no local endpoints" if self.drops else "has no endpoints"


@dataclass(frozen=True, slots=True)
class ServicePortRules:
    """A port of a Service with all of its frontends of one family."""

    frontends: tuple[Frontend, ...]
    cluster_pool: tuple[Backend, ...]
    local_pool: tuple[Backend, ...]

    @property
    def name(self) -> str:
        """`namespace/service:port`."""
        return self._first.name

    @property
    def protocol(self) -> str:
        """In lower case: tcp."""
        return PROTOCOL_NAMES[self._first.key[1]].lower()

    @property
    def path(self) -> str:
        """`namespace/service/tcp/port`, as nftables' chains are named."""
        service, port = self._first.service, self._first.port
        return f"{service.namespace}/{service.name}/{self.protocol}/{port.name}"

    @property
    def affinity_s(self) -> int:
        """For how long a client stays with its endpoint; 0: not at all."""
        service = self._first.service
        wanted = service.session_affinity == "ClientIP"
        return service.session_affinity_timeout_s if wanted else 0

    @property
    def is_internally_local(self) -> bool:
        return self._first.service.internal_traffic_policy == "Local"

    @property
    def is_externally_local(self) -> bool:
        return self._first.service.external_traffic_policy == "Local"

    @property
    def external(self) -> tuple[Frontend, ...]:
        """Those for clients outside of the cluster."""
        return tuple(frontend for frontend in self.frontends if frontend.is_external)

    @property
    def internal(self) -> tuple[Frontend, ...]:
        """The cluster IPs."""
        return tuple(frontend for frontend in self.frontends if not frontend.is_external)

    @property
    def has_endpoints(self) -> bool:
        """Whether anyone may answer, here or on other nodes."""
        return bool(self.cluster_pool or self.local_pool)

    @property
    def pools(self) -> tuple[tuple[str, tuple[Backend, ...]], ...]:
        """Those that are used, as kube-proxy's chains: SVC (all) and SVL (this node's)."""
        found = []
        if self.cluster_pool and (self.external or not self.is_internally_local):
            found.append(("SVC", self.cluster_pool))
        locally = self.is_internally_local or (self.external and self.is_externally_local)
        if self.local_pool and locally:
            found.append(("SVL", self.local_pool))
        return tuple(found)

    def refusal(self, frontend: Frontend) -> RefusedBecause | None:
        """Why a client from outside (or a pod, of a cluster IP) gets no answer here."""
        if frontend.pool(from_inside=False):
            return None
        return RefusedBecause(drops=bool(frontend.backends) and frontend.is_local_only)

    @property
    def _first(self) -> Frontend:
        return self.frontends[0]


def service_ports(frontends: Iterable[Frontend]) -> Iterator[ServicePortRules]:
    """The ports of Services, from frontends that are ordered by Service and port."""
    for _, group in groupby(frontends, key=_port_of):
        members = tuple(group)
        first = members[0]
        yield ServicePortRules(members, first.backends, first.local_backends or ())


def address_of(backend: Backend) -> str:
    """`10.244.1.5:80`, `[fd00::5]:80`."""
    return authority(backend.ip, backend.port)


def is_node_port(frontend: Frontend) -> bool:
    """Whether its address is any one that the node has."""
    return frontend.kind is FrontendKind.NODE_PORT


def _port_of(frontend: Frontend) -> tuple[object, ...]:
    return frontend.service.key, frontend.port.name, frontend.key[1]
