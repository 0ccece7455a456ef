"""`cilium-dbg bpf lb list`. Source: Cilium cilium-dbg/cmd/bpf_lb_list.go, pkg/maps/lbmap.

A service of Cilium's maps is one frontend; slot 0 is its master entry with the flags, the other
slots are its backends. All of them carry the number that replies are translated back by.
"""

from collections.abc import Iterator

from netcore.model.address import authority, text
from netcore.packet.protocols import PROTOCOL_NAMES
from netcore.service.frontend import Frontend, FrontendKind
from netcore.service.listings.base import Listing, ProxyTables
from netcore.service.listings.service_ports import address_of, is_node_port

_KINDS = {
    FrontendKind.CLUSTER_IP: "ClusterIP",
    FrontendKind.EXTERNAL_IP: "ExternalIPs",
    FrontendKind.LOAD_BALANCER: "LoadBalancer",
    FrontendKind.NODE_PORT: "NodePort",
}
_ANY = {4: "0.0.0.0", 6: "::"}


def cilium_listing(tables: ProxyTables) -> Listing:
    """Every frontend with its backends; a node port is one of each node address and one of 0."""
    rows = [("SERVICE ADDRESS", "BACKEND ADDRESS (REVNAT_ID) (SLOT)")]
    number = 0
    for version in tables.versions:
        for frontend in tables.of_version(version):
            for address in _addresses(tables, frontend, version):
                number += 1
                rows += _service(frontend, address, number, version)
    width = max(len(service) for service, _ in rows) + 3
    text_rows = (f"{service:<{width}}{backend}".rstrip() for service, backend in rows)
    return Listing("cilium-dbg bpf lb list", "\n".join(text_rows) + "\n")


def _addresses(tables: ProxyTables, frontend: Frontend, version: int) -> Iterator[str]:
    if not is_node_port(frontend):
        yield text(frontend.key[0])
        return
    yield _ANY[version]
    yield from (str(a) for a in tables.node_addresses if a.version == version)


def _service(
    frontend: Frontend, address: str, number: int, version: int
) -> Iterator[tuple[str, str]]:
    protocol = PROTOCOL_NAMES[frontend.key[1]]
    shown = f"{authority(address, frontend.key[2])}/{protocol}"
    flags = ", ".join(_flags(frontend, is_surrogate=address == _ANY[version]))
    yield f"{shown} (0)", f"{authority(_ANY[version], 0)} ({number}) (0) [{flags}]"
    for slot, backend in enumerate(frontend.pool(from_inside=False), 1):
        yield f"{shown} ({slot})", f"{address_of(backend)}/{protocol} ({number}) ({slot})"


def _flags(frontend: Frontend, *, is_surrogate: bool) -> Iterator[str]:
    """In the order of ServiceFlags.String (pkg/loadbalancer)."""
    yield _KINDS[frontend.kind]
    service = frontend.service
    if frontend.is_external and service.external_traffic_policy == "Local":
        yield "Local"
    if not frontend.is_external and service.internal_traffic_policy == "Local":
        yield "InternalLocal"
    if frontend.is_external and service.external_traffic_policy != service.internal_traffic_policy:
        yield "two-scopes"
    if service.session_affinity == "ClientIP":
        yield "sessionAffinity"
    if is_surrogate or not frontend.is_external:
        yield "non-routable"
    if frontend.source_ranges:
        yield "check source-range"
