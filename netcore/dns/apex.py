"""The records of a zone itself: who is in authority and which servers serve it."""

from collections.abc import Iterator

from netcore.dns.find import SERVICE
from netcore.dns.index import Index, SliceEntry
from netcore.dns.names import Name
from netcore.dns.records import SoaRecord
from netcore.dns.zones import Zones
from netcore.model.address import IpAddress

DEFAULT_SERVER: Name = (b"ns", b"dns")

REFRESH_S = 7200
RETRY_S = 1800
EXPIRE_S = 86400
MAX_SOA_TTL_S = 300


def soa(zones: Zones, zone: Name, serial: int) -> SoaRecord:
    """The SOA of `zone`, as answered and as put beside NODATA and NXDOMAIN (RFC 2308)."""
    return SoaRecord(
        name=zone,
        ttl=min(zones.ttl_s, MAX_SOA_TTL_S),
        primary=(*DEFAULT_SERVER, *zone),
        mailbox=(b"hostmaster", *zone),
        serial=serial,
        refresh_s=REFRESH_S,
        retry_s=RETRY_S,
        expire_s=EXPIRE_S,
        minimum_s=zones.ttl_s,
    )


def name_servers(index: Index, zones: Zones, zone: Name) -> tuple[tuple[Name, IpAddress], ...]:
    """Names and addresses of the zone's servers.

    They are the Services that this server stands behind; where there are none, the server
    itself under `ns.dns`.
    """
    own = tuple(address for address in zones.local_addresses if not address.is_loopback)
    slices = [entry for address in own for entry in index.slices_with_ip(address)]
    if not slices:
        return tuple(((*DEFAULT_SERVER, *zone), address) for address in own)
    found = (pair for entry in slices for pair in _serving(index, entry, zone))
    return tuple(dict.fromkeys(found))


def _serving(index: Index, entry: SliceEntry, zone: Name) -> Iterator[tuple[Name, IpAddress]]:
    service = index.service(entry.service)
    if service is None:
        return
    name = (service.key[1], service.key[0], SERVICE, *zone)
    if service.headless:
        for host in entry.hosts:
            yield (host.name, *name), host.address
    for address in service.cluster_ips:
        yield name, address
