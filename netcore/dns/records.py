"""Resource records and answers as plain data.

Names keep the case in which they were asked for; TTLs are seconds.
"""

from dataclasses import dataclass
from enum import IntEnum

from netcore.dns.names import Name
from netcore.model.address import IpAddress


class RecordType(IntEnum):
    """The types that the rules tell apart (IANA DNS parameters)."""

    A = 1
    NS = 2
    CNAME = 5
    SOA = 6
    PTR = 12
    MX = 15
    TXT = 16
    AAAA = 28
    SRV = 33
    OPT = 41
    IXFR = 251
    AXFR = 252


class Rcode(IntEnum):
    NOERROR = 0
    FORMERR = 1
    SERVFAIL = 2
    NXDOMAIN = 3
    NOTIMP = 4
    REFUSED = 5
    BADVERS = 16  # above 15: upper bits travel in the OPT record (RFC 6891)


@dataclass(frozen=True, slots=True)
class AddressRecord:
    """An A or AAAA record, by the family of the address."""

    name: Name
    ttl: int
    address: IpAddress


@dataclass(frozen=True, slots=True)
class CnameRecord:
    name: Name
    ttl: int
    target: Name


@dataclass(frozen=True, slots=True)
class PtrRecord:
    name: Name
    ttl: int
    target: Name


@dataclass(frozen=True, slots=True)
class NsRecord:
    name: Name
    ttl: int
    target: Name


@dataclass(frozen=True, slots=True)
class SrvRecord:
    name: Name
    ttl: int
    priority: int
    weight: int
    port: int
    target: Name


@dataclass(frozen=True, slots=True)
class TxtRecord:
    name: Name
    ttl: int
    text: bytes


@dataclass(frozen=True, slots=True)
class SoaRecord:
    name: Name
    ttl: int
    primary: Name
    mailbox: Name
    serial: int
    refresh_s: int
    retry_s: int
    expire_s: int
    minimum_s: int


Record = AddressRecord | CnameRecord | PtrRecord | NsRecord | SrvRecord | TxtRecord | SoaRecord


@dataclass(frozen=True, slots=True)
class Answer:
    """What the cluster knows about one question.

    `external`: the answers end in a CNAME to this name outside the zone; whoever asked has to
    add what the resolvers say about it.
    """

    rcode: Rcode = Rcode.NOERROR
    answers: tuple[Record, ...] = ()
    additional: tuple[Record, ...] = ()
    authority: tuple[Record, ...] = ()
    external: Name | None = None
