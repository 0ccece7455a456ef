"""`ipvsadm --list --numeric`. Source: ipvsadm 1.31, print_title and print_service_and_dests."""

from collections.abc import Iterator

from netcore.model.address import authority
from netcore.packet.protocols import PROTOCOL_NAMES
from netcore.service.frontend import Backend, Frontend
from netcore.service.listings.base import Listing, ProxyTables
from netcore.service.listings.service_ports import address_of, is_node_port

_TITLE = (
    "IP Virtual Server version 1.2.1 (size=4096)",
    "Prot LocalAddress:Port Scheduler Flags",
    "  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn",
)


def ipvsadm_listing(tables: ProxyTables, scheduler: str) -> Listing:
    """The virtual servers. As kube-proxy makes them, a node port is one of each node address."""
    lines = [*_TITLE]
    for version in tables.versions:
        for frontend in tables.of_version(version):
            for address in _addresses(tables, frontend, version):
                lines += _virtual_server(tables, frontend, address, scheduler)
    return Listing("ipvsadm -Ln", "\n".join(lines) + "\n")


def _addresses(tables: ProxyTables, frontend: Frontend, version: int) -> Iterator[bytes]:
    if not is_node_port(frontend):
        yield frontend.key[0]
        return
    yield from (a.packed for a in tables.node_addresses if a.version == version)


def _virtual_server(
    tables: ProxyTables, frontend: Frontend, address: bytes, scheduler: str
) -> Iterator[str]:
    service = frontend.service
    flags = ""
    if service.session_affinity == "ClientIP":
        flags = f" persistent {service.session_affinity_timeout_s}"
    protocol = PROTOCOL_NAMES[frontend.key[1]]
    yield f"{protocol:<4} {authority(address, frontend.key[2])} {scheduler}{flags}"
    for backend in frontend.pool(from_inside=False):
        active, inactive = tables.load(frontend.key, backend.place)
        yield _destination(backend, active, inactive)


def _destination(backend: Backend, active: int, inactive: int) -> str:
    return f"  -> {address_of(backend):<28} Masq    1      {active:<10} {inactive:<10}".rstrip()
