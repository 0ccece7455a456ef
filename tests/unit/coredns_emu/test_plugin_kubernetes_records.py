import pytest

from coredns_emu.plugins.kubernetes.records import to_rr
from netcore.dns.names import parse_name
from netcore.dns.records import (
    AddressRecord,
    CnameRecord,
    NsRecord,
    PtrRecord,
    SoaRecord,
    SrvRecord,
    TxtRecord,
)
from netcore.model.address import parse_address

NAME, TARGET = parse_name("a.b"), parse_name("c.d")


@pytest.mark.parametrize(
    ("record", "zone_line"),
    [
        (AddressRecord(NAME, 5, parse_address("192.0.2.1")), "a.b. 5 IN A 192.0.2.1"),
        (AddressRecord(NAME, 5, parse_address("fd00::1")), "a.b. 5 IN AAAA fd00::1"),
        (CnameRecord(NAME, 5, TARGET), "a.b. 5 IN CNAME c.d."),
        (PtrRecord(NAME, 5, TARGET), "a.b. 5 IN PTR c.d."),
        (NsRecord(NAME, 5, TARGET), "a.b. 5 IN NS c.d."),
        (SrvRecord(NAME, 5, 0, 50, 80, TARGET), "a.b. 5 IN SRV 0 50 80 c.d."),
        (TxtRecord(NAME, 5, b"1.1.0"), 'a.b. 5 IN TXT "1.1.0"'),
        (
            SoaRecord(NAME, 5, TARGET, NAME, 1, 2, 3, 4, 6),
            "a.b. 5 IN SOA c.d. a.b. 1 2 3 4 6",
        ),
    ],
)
def test_to_rr(record, zone_line):
    assert " ".join(to_rr(record).toZone().split()) == zone_line
