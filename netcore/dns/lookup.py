"""The answer to a question in the cluster's zones.

*Theory of operation.* `find` says what a name stands for: matches, nothing, or that there is
no such name. The type of the question only chooses how matches become records. No records for
a name that exists is NODATA, no such name is NXDOMAIN; both carry the zone's SOA (RFC 2308).
Records repeat the question's name in the case in which it was asked, and the zone part of
every other name likewise.
"""

from collections.abc import Callable
from dataclasses import dataclass

from netcore.dns.apex import DEFAULT_SERVER, name_servers, soa
from netcore.dns.find import SERVICE, Match, find
from netcore.dns.index import NO_PORT, Index
from netcore.dns.names import Name, is_within, lower, parse_reverse
from netcore.dns.records import (
    AddressRecord,
    Answer,
    CnameRecord,
    NsRecord,
    PtrRecord,
    Rcode,
    RecordType,
    SrvRecord,
    TxtRecord,
)
from netcore.dns.zones import Zones, is_reverse
from netcore.model.address import IpAddress

MAX_CNAME_CHAIN = 10
SCHEMA_VERSION = b"1.1.0"  # of the Kubernetes DNS specification
SCHEMA_VERSION_TTL_S = 28800
_SCHEMA_LABELS: Name = (b"dns-version",)
_IP_VERSION = {RecordType.A: 4, RecordType.AAAA: 6}


@dataclass(frozen=True, slots=True)
class _Question:
    """A question beside all that its answer depends on. `zone` is in the asked case."""

    index: Index
    zones: Zones
    name: Name
    zone: Name
    rtype: int
    serial: int

    @property
    def labels(self) -> Name:
        return self.below_zone(self.name)

    def below_zone(self, name: Name) -> Name:
        """The lower-case labels of a name of this zone, without the zone."""
        return lower(name[: len(name) - len(self.zone)])

    def find(self, name: Name) -> tuple[Match, ...] | None:
        labels = self.below_zone(name)
        if labels == DEFAULT_SERVER:
            servers = name_servers(self.index, self.zones, self.zone)
            return tuple(Match(labels, NO_PORT, address) for _, address in servers)
        matches = find(self.index, self.zones.pods, labels)
        return None if matches and is_reverse(lower(self.zone)) else matches


def lookup(index: Index, zones: Zones, name: Name, rtype: int, serial: int) -> Answer:
    """The answer for `name`, which must lie in one of `zones`.

    `rtype` is the number of any record type; `serial` goes into SOA records. Zone transfers
    are refused. Complexity: the records of the answer, whatever the size of the cluster.
    """
    zone = zones.match(lower(name))
    if zone is None or rtype in (RecordType.AXFR, RecordType.IXFR):
        return Answer(Rcode.REFUSED)
    asked_zone = name[len(name) - len(zone) :]
    question = _Question(index, zones, name, asked_zone, rtype, serial)
    answer = _BY_TYPE.get(rtype, _exists)(question)
    if answer is None:
        return Answer(Rcode.NXDOMAIN, authority=(soa(zones, asked_zone, serial),))
    if not answer.answers:
        return Answer(authority=(soa(zones, asked_zone, serial),))
    return answer


def _exists(question: _Question) -> Answer | None:
    return None if question.find(question.name) is None else Answer()


def _addresses(question: _Question) -> Answer | None:
    version = _IP_VERSION[RecordType(question.rtype)]
    chain: list[CnameRecord] = []
    name = question.name
    while True:
        matches = question.find(name)
        if matches is None:
            return Answer() if chain else None
        alias = next((match.alias for match in matches if match.alias), None)
        if alias is None:
            return _end_of_chain(question, chain, name, matches, version)
        link = CnameRecord(name, question.zones.ttl_s, alias)
        if _is_loop(link, chain) or len(chain) == MAX_CNAME_CHAIN:
            return Answer()
        chain.append(link)
        if not is_within(lower(alias), lower(question.zone)):
            return Answer(answers=tuple(chain), external=alias)
        name = alias


def _end_of_chain(
    question: _Question,
    chain: list[CnameRecord],
    name: Name,
    matches: tuple[Match, ...],
    version: int,
) -> Answer:
    """The addresses behind `name`, after the CNAMEs to it; without addresses nothing."""
    distinct = dict.fromkeys(match.address for match in matches if match.address)
    records = tuple(
        AddressRecord(name, question.zones.ttl_s, address)
        for address in distinct
        if address.version == version
    )
    return Answer(answers=(*chain, *records)) if records else Answer()


def _is_loop(link: CnameRecord, chain: list[CnameRecord]) -> bool:
    target = lower(link.target)
    if is_within(target, lower(link.name)):
        return True
    return any(lower(earlier.name) == target for earlier in chain)


def _services(question: _Question) -> Answer | None:
    matches = question.find(question.name)
    if matches is None:
        return None
    located = [(match, match.address) for match in matches if match.address]
    if not located:
        return Answer()
    weight = max(1, 100 // len(located))
    records: dict[tuple[Name, int], SrvRecord] = {}
    glue: dict[tuple[Name, IpAddress], AddressRecord] = {}
    ttl = question.zones.ttl_s
    for match, address in located:
        if match.port == NO_PORT:
            continue
        target = (*match.owner, *question.zone)
        record = SrvRecord(question.name, ttl, 0, weight, match.port, target)
        records.setdefault((target, match.port), record)
        glue.setdefault((target, address), AddressRecord(target, ttl, address))
    return Answer(answers=tuple(records.values()), additional=tuple(glue.values()))


def _alias(question: _Question) -> Answer | None:
    matches = question.find(question.name)
    if matches is None:
        return None
    ttl = question.zones.ttl_s
    return Answer(
        answers=tuple(CnameRecord(question.name, ttl, m.alias) for m in matches if m.alias)
    )


def _text(question: _Question) -> Answer | None:
    if question.labels == _SCHEMA_LABELS:
        return Answer(answers=(TxtRecord(question.name, SCHEMA_VERSION_TTL_S, SCHEMA_VERSION),))
    # A name that exists only as a node of the tree is NXDOMAIN for TXT: so does CoreDNS.
    return Answer() if question.find(question.name) else None


def _pointer(question: _Question) -> Answer | None:
    address = parse_reverse(lower(question.name))
    if address is None:
        return _exists(question)
    targets = _reverse_targets(question.index, address)
    if not targets:
        return None
    ttl, primary = question.zones.ttl_s, question.zones.primary
    return Answer(
        answers=tuple(
            PtrRecord(question.name, ttl, (*target, *primary)) for target in dict.fromkeys(targets)
        )
    )


def _reverse_targets(index: Index, address: IpAddress) -> list[Name]:
    service = index.service_with_ip(address)
    if service is not None:
        return [(service.key[1], service.key[0], SERVICE)]
    return [
        (host.name, entry.service[1], entry.service[0], SERVICE)
        for entry in index.slices_with_ip(address)
        for host in entry.hosts
        if host.address == address
    ]


def _authority(question: _Question) -> Answer | None:
    if question.labels:
        return _exists(question)
    return Answer(answers=(soa(question.zones, question.zone, question.serial),))


def _name_servers(question: _Question) -> Answer | None:
    if question.labels:
        return _exists(question)
    ttl = question.zones.ttl_s
    servers = name_servers(question.index, question.zones, question.zone)
    names = dict.fromkeys(name for name, _ in servers)
    return Answer(
        answers=tuple(NsRecord(question.name, ttl, name) for name in names),
        additional=tuple(AddressRecord(name, ttl, address) for name, address in servers),
    )


_BY_TYPE: dict[int, Callable[[_Question], Answer | None]] = {
    RecordType.A: _addresses,
    RecordType.AAAA: _addresses,
    RecordType.SRV: _services,
    RecordType.CNAME: _alias,
    RecordType.TXT: _text,
    RecordType.PTR: _pointer,
    RecordType.SOA: _authority,
    RecordType.NS: _name_servers,
}
