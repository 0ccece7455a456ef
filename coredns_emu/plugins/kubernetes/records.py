"""Records of netcore.dns as dnslib RRs."""

from functools import singledispatch
from typing import Any

from dnslib import AAAA, CNAME, NS, PTR, QTYPE, RR, SOA, SRV, TXT, A, DNSLabel

from netcore.dns.records import (
    AddressRecord,
    CnameRecord,
    NsRecord,
    PtrRecord,
    Record,
    SoaRecord,
    SrvRecord,
    TxtRecord,
)


def to_rr(record: Record) -> Any:
    """The dnslib RR of class IN that says the same."""
    rtype, data = _data(record)
    return RR(DNSLabel(record.name), rtype, ttl=record.ttl, rdata=data)


@singledispatch
def _data(record: Record) -> tuple[int, Any]:
    raise TypeError(f"no DNS record: {record!r}")


@_data.register
def _(record: AddressRecord) -> tuple[int, Any]:
    packed = tuple(record.address.packed)
    return (QTYPE.A, A(packed)) if len(packed) == 4 else (QTYPE.AAAA, AAAA(packed))


@_data.register
def _(record: CnameRecord) -> tuple[int, Any]:
    return QTYPE.CNAME, CNAME(DNSLabel(record.target))


@_data.register
def _(record: PtrRecord) -> tuple[int, Any]:
    return QTYPE.PTR, PTR(DNSLabel(record.target))


@_data.register
def _(record: NsRecord) -> tuple[int, Any]:
    return QTYPE.NS, NS(DNSLabel(record.target))


@_data.register
def _(record: SrvRecord) -> tuple[int, Any]:
    target = DNSLabel(record.target)
    return QTYPE.SRV, SRV(record.priority, record.weight, record.port, target)


@_data.register
def _(record: TxtRecord) -> tuple[int, Any]:
    return QTYPE.TXT, TXT(record.text)


@_data.register
def _(record: SoaRecord) -> tuple[int, Any]:
    times = (
        record.serial,
        record.refresh_s,
        record.retry_s,
        record.expire_s,
        record.minimum_s,
    )
    return QTYPE.SOA, SOA(DNSLabel(record.primary), DNSLabel(record.mailbox), times)
