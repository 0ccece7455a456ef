"""The answer rules of the kubernetes plugin, one case each."""

import pytest

from netcore.dns.lookup import MAX_CNAME_CHAIN, lookup
from netcore.dns.names import format_name, lower, parse_name
from netcore.dns.records import (
    AddressRecord,
    Answer,
    CnameRecord,
    NsRecord,
    PtrRecord,
    Rcode,
    RecordType,
    SoaRecord,
    SrvRecord,
    TxtRecord,
)
from netcore.dns.zones import REVERSE_ZONES, Zones
from netcore.model.address import parse_address
from netcore.model.namespace import Namespace
from tests.support.dns_cluster import build_index, endpoint, endpoint_slice, external, service

INDEX = build_index()
ZONES = Zones(local_addresses=(parse_address("172.18.0.3"),))
SERIAL = 1_700_000_000
TYPES = {
    **{kind.name: int(kind) for kind in RecordType},
    "HINFO": 13,
    "CAA": 257,
    "HTTPS": 65,
    "ANY": 255,
    "DS": 43,
}


def ask(name: str, kind: str, zones: Zones = ZONES, index=INDEX) -> Answer:
    return lookup(index, zones, parse_name(name), TYPES[kind], SERIAL)


def show(record) -> str:
    """A record's data as dig +short prints it."""
    match record:
        case AddressRecord():
            return str(record.address)
        case SrvRecord():
            target = format_name(record.target)
            return f"{record.priority} {record.weight} {record.port} {target}"
        case CnameRecord() | PtrRecord() | NsRecord():
            return format_name(record.target)
        case TxtRecord():
            return record.text.decode()
        case _:
            return "SOA"


def data(records) -> list[str]:
    return [show(record) for record in records]


ANSWERS = [
    ("web.prod.svc.cluster.local", "A", ["10.96.0.20"]),
    ("dual.prod.svc.cluster.local", "A", ["10.96.0.21"]),
    ("dual.prod.svc.cluster.local", "AAAA", ["fd00:96::21"]),
    ("mute.prod.svc.cluster.local", "A", ["10.96.0.22"]),
    ("_http._tcp.web.prod.svc.cluster.local", "A", ["10.96.0.20"]),
    ("web.prod.svc.cluster.local", "SRV", ["0 100 80 web.prod.svc.cluster.local."]),
    ("unnamed.prod.svc.cluster.local", "SRV", ["0 100 80 unnamed.prod.svc.cluster.local."]),
    ("_http._tcp.web.prod.svc.cluster.local", "SRV", ["0 100 80 web.prod.svc.cluster.local."]),
    ("http.tcp.web.prod.svc.cluster.local", "SRV", ["0 100 80 web.prod.svc.cluster.local."]),
    (
        "dual.prod.svc.cluster.local",
        "SRV",
        ["0 25 80 dual.prod.svc.cluster.local.", "0 25 9090 dual.prod.svc.cluster.local."],
    ),
    (
        "_metrics._tcp.dual.prod.svc.cluster.local",
        "SRV",
        ["0 50 9090 dual.prod.svc.cluster.local."],
    ),
    ("db.prod.svc.cluster.local", "A", ["10.244.2.1", "10.244.2.2", "10.244.2.4"]),
    ("db.prod.svc.cluster.local", "AAAA", ["fd00:244::2:1", "fd00:244::"]),
    (
        "db.prod.svc.cluster.local",
        "SRV",
        [
            "0 20 8080 db-0.db.prod.svc.cluster.local.",
            "0 20 8080 db-1.db.prod.svc.cluster.local.",
            "0 20 8080 10-244-2-4.db.prod.svc.cluster.local.",
            "0 20 8080 fd00-244--0.db.prod.svc.cluster.local.",
        ],
    ),
    ("db-0.db.prod.svc.cluster.local", "A", ["10.244.2.1"]),
    ("db-0.db.prod.svc.cluster.local", "AAAA", ["fd00:244::2:1"]),
    ("10-244-2-4.db.prod.svc.cluster.local", "A", ["10.244.2.4"]),
    ("fd00-244--0.db.prod.svc.cluster.local", "AAAA", ["fd00:244::"]),
    ("10-244-1-10.web.prod.svc.cluster.local", "A", ["10.244.1.10"]),
    ("named.web.prod.svc.cluster.local", "A", ["10.244.1.11"]),
    (
        "named.web.prod.svc.cluster.local",
        "SRV",
        ["0 100 8080 named.web.prod.svc.cluster.local."],
    ),
    ("portless.prod.svc.cluster.local", "A", ["10.244.2.8"]),
    ("outside.prod.svc.cluster.local", "CNAME", ["www.example.com."]),
    ("alias.prod.svc.cluster.local", "A", ["web.prod.svc.cluster.local.", "10.96.0.20"]),
    ("10-1-2-3.prod.pod.cluster.local", "A", ["10.1.2.3"]),
    ("fd00--1.prod.pod.cluster.local", "AAAA", ["fd00::1"]),
    ("x.10-1-2-3.prod.pod.cluster.local", "A", ["10.1.2.3"]),
    ("y.x.10-1-2-3.prod.pod.cluster.local", "A", ["10.1.2.3"]),
    ("10-1-2-3.prod.pod.cluster.local", "SRV", ["0 100 0 10-1-2-3.prod.pod.cluster.local."]),
    ("20.0.96.10.in-addr.arpa", "PTR", ["web.prod.svc.cluster.local."]),
    ("1.2.244.10.in-addr.arpa", "PTR", ["db-0.db.prod.svc.cluster.local."]),
    ("4.2.244.10.in-addr.arpa", "PTR", ["10-244-2-4.db.prod.svc.cluster.local."]),
    ("cluster.local", "NS", ["kube-dns.kube-system.svc.cluster.local."]),
    ("in-addr.arpa", "NS", ["kube-dns.kube-system.svc.in-addr.arpa."]),
    ("cluster.local", "SOA", ["SOA"]),
    ("in-addr.arpa", "SOA", ["SOA"]),
    ("ns.dns.cluster.local", "A", ["10.96.0.10"]),
    ("dns-version.cluster.local", "TXT", ["1.1.0"]),
]


@pytest.mark.parametrize(("name", "kind", "expected"), ANSWERS)
def test_answers(name, kind, expected):
    answer = ask(name, kind)
    assert answer.rcode is Rcode.NOERROR
    assert data(answer.answers) == expected
    assert answer.authority == ()


NODATA = [
    ("web.prod.svc.cluster.local", "AAAA"),
    *(
        ("web.prod.svc.cluster.local", kind)
        for kind in ["TXT", "MX", "NS", "SOA", "CNAME", "PTR", "HTTPS", "ANY", "CAA", "HINFO", "DS"]
    ),
    ("mute.prod.svc.cluster.local", "SRV"),
    ("portless.prod.svc.cluster.local", "SRV"),
    ("outside.prod.svc.cluster.local", "SRV"),
    ("outside.prod.svc.cluster.local", "TXT"),
    ("broken.prod.svc.cluster.local", "A"),
    ("loop-a.prod.svc.cluster.local", "A"),
    ("alias.prod.svc.cluster.local", "AAAA"),
    ("10-1-2-3.prod.pod.cluster.local", "AAAA"),
    ("db-1.db.prod.svc.cluster.local", "AAAA"),
    ("ns.dns.cluster.local", "AAAA"),
    *(
        (name, kind)
        for name in ("cluster.local", "svc.cluster.local", "pod.cluster.local")
        for kind in ("A", "AAAA", "SRV")
    ),
    ("prod.svc.cluster.local", "A"),
    ("prod.svc.cluster.local", "NS"),
    ("prod.svc.cluster.local", "SOA"),
    ("prod.pod.cluster.local", "A"),
    ("in-addr.arpa", "A"),
    ("in-addr.arpa", "PTR"),
]


@pytest.mark.parametrize(("name", "kind"), NODATA)
def test_nodata(name, kind):
    answer = ask(name, kind)
    assert answer.rcode is Rcode.NOERROR
    assert answer.answers == ()
    assert data(answer.authority) == ["SOA"]


NXDOMAIN = [
    ("none.prod.svc.cluster.local", "A"),
    ("none.prod.svc.cluster.local", "MX"),
    ("none.prod.svc.cluster.local", "CNAME"),
    ("web.none.svc.cluster.local", "A"),
    ("none.svc.cluster.local", "A"),
    ("none.pod.cluster.local", "A"),
    ("none.cluster.local", "A"),
    ("web.prod.cluster.local", "A"),
    ("_none._tcp.web.prod.svc.cluster.local", "SRV"),
    ("_http._udp.web.prod.svc.cluster.local", "SRV"),
    ("_http._tcp.mute.prod.svc.cluster.local", "SRV"),
    ("a._http._tcp.web.prod.svc.cluster.local", "SRV"),
    ("asleep.prod.svc.cluster.local", "A"),
    ("db-2.db.prod.svc.cluster.local", "A"),
    ("10-244-2-1.db.prod.svc.cluster.local", "A"),
    ("none.db.prod.svc.cluster.local", "A"),
    ("literal.prod.svc.cluster.local", "A"),
    ("x.outside.prod.svc.cluster.local", "A"),
    ("_a._tcp.outside.prod.svc.cluster.local", "A"),
    *((name, "TXT") for name in ("cluster.local", "svc.cluster.local", "prod.svc.cluster.local")),
    ("dns-version.cluster.local", "A"),
    ("web.prod.pod.cluster.local", "A"),
    ("10-1-2.prod.pod.cluster.local", "A"),
    ("10-1-2-3.none.pod.cluster.local", "A"),
    ("a.b.c.10-1-2-3.prod.pod.cluster.local", "A"),
    ("*.prod.svc.cluster.local", "A"),
    ("any.prod.svc.cluster.local", "A"),
    ("3.2.244.10.in-addr.arpa", "PTR"),
    ("1.0.0.127.in-addr.arpa", "PTR"),
    ("10.in-addr.arpa", "PTR"),
    ("20.0.96.10.in-addr.arpa", "A"),
    ("web.prod.svc.in-addr.arpa", "A"),
]


@pytest.mark.parametrize(("name", "kind"), NXDOMAIN)
def test_nxdomain(name, kind):
    answer = ask(name, kind)
    assert answer.rcode is Rcode.NXDOMAIN
    assert answer.answers == ()
    assert data(answer.authority) == ["SOA"]


def test_external_name_outside_the_zone_is_left_to_the_resolvers():
    answer = ask("outside.prod.svc.cluster.local", "A")
    assert answer.external == parse_name("www.example.com")
    assert data(answer.answers) == ["www.example.com."]


def test_external_name_that_leads_out_through_another_one():
    answer = ask("far.prod.svc.cluster.local", "AAAA")
    assert answer.external == parse_name("www.example.com")
    assert data(answer.answers) == ["outside.prod.svc.cluster.local.", "www.example.com."]


@pytest.mark.parametrize(
    ("links", "found"), [(MAX_CNAME_CHAIN, True), (MAX_CNAME_CHAIN + 1, False)]
)
def test_cname_chain_limit(links, found):
    targets = [f"n{i + 1}.prod.svc.cluster.local" for i in range(links)]
    chain = [external(f"n{i}", target) for i, target in enumerate(targets)]
    index = build_index([Namespace("prod"), *chain, service(f"n{links}", "10.96.0.9")])
    answer = ask("n0.prod.svc.cluster.local", "A", index=index)
    assert answer.rcode is Rcode.NOERROR
    assert len(answer.answers) == (links + 1 if found else 0)


def test_external_name_below_itself_is_a_loop():
    index = build_index([Namespace("prod"), external("a", "x.a.prod.svc.cluster.local")])
    assert ask("a.prod.svc.cluster.local", "A", index=index).answers == ()


def test_headless_srv_has_every_address_beside_it():
    glue = [
        (format_name(record.name), show(record))
        for record in ask("db.prod.svc.cluster.local", "SRV").additional
    ]
    assert glue == [
        ("db-0.db.prod.svc.cluster.local.", "10.244.2.1"),
        ("db-1.db.prod.svc.cluster.local.", "10.244.2.2"),
        ("10-244-2-4.db.prod.svc.cluster.local.", "10.244.2.4"),
        ("db-0.db.prod.svc.cluster.local.", "fd00:244::2:1"),
        ("fd00-244--0.db.prod.svc.cluster.local.", "fd00:244::"),
    ]


def test_srv_weight_is_at_least_one():
    endpoints = [endpoint(f"10.244.3.{i}") for i in range(150)]
    index = build_index(
        [Namespace("prod"), service("big", headless=True), endpoint_slice("big", *endpoints)]
    )
    records = ask("big.prod.svc.cluster.local", "SRV", index=index).answers
    assert {record.weight for record in records} == {1}
    assert len(records) == 150


def test_an_address_in_two_slices_is_answered_once():
    slices = [endpoint_slice("db", endpoint("10.244.2.1"), suffix=s) for s in "12"]
    index = build_index([Namespace("prod"), service("db", headless=True), *slices])
    assert data(ask("db.prod.svc.cluster.local", "A", index=index).answers) == ["10.244.2.1"]


def test_one_ptr_for_each_service_of_an_endpoint():
    objects = [
        Namespace("prod"),
        endpoint_slice("one", endpoint("10.244.2.1")),
        endpoint_slice("two", endpoint("10.244.2.1", hostname="h")),
    ]
    answer = ask("1.2.244.10.in-addr.arpa", "PTR", index=build_index(objects))
    assert data(answer.answers) == [
        "10-244-2-1.one.prod.svc.cluster.local.",
        "h.two.prod.svc.cluster.local.",
    ]


def test_ptr_of_an_ipv6_cluster_ip():
    name = parse_address("fd00:96::21").reverse_pointer
    assert data(ask(name, "PTR").answers) == ["dual.prod.svc.cluster.local."]


@pytest.mark.parametrize(
    ("mode", "name", "rcode"),
    [
        ("verified", "10-244-1-10.prod.pod.cluster.local", Rcode.NOERROR),
        ("verified", "10-244-1-10.kube-system.pod.cluster.local", Rcode.NXDOMAIN),
        ("verified", "10-9-9-9.prod.pod.cluster.local", Rcode.NXDOMAIN),
        ("disabled", "10-244-1-10.prod.pod.cluster.local", Rcode.NXDOMAIN),
        ("disabled", "prod.pod.cluster.local", Rcode.NXDOMAIN),
    ],
)
def test_pod_modes(mode, name, rcode):
    assert ask(name, "A", Zones(pods=mode)).rcode is rcode


@pytest.mark.parametrize("kind", ["AXFR", "IXFR"])
def test_transfers_are_refused(kind):
    assert ask("cluster.local", kind) == Answer(Rcode.REFUSED)


def test_names_outside_the_zones_are_refused():
    assert ask("example.com", "A") == Answer(Rcode.REFUSED)


def test_owner_keeps_the_case_of_the_question():
    answer = ask("WEB.prod.SVC.Cluster.LOCAL", "A")
    assert format_name(answer.answers[0].name) == "WEB.prod.SVC.Cluster.LOCAL."


def test_targets_have_the_zone_as_asked_and_lower_case_objects():
    answer = ask("WEB.prod.SVC.Cluster.LOCAL", "SRV")
    assert show(answer.answers[0]) == "0 100 80 web.prod.svc.Cluster.LOCAL."
    soa = ask("None.prod.svc.Cluster.LOCAL", "A").authority[0]
    assert format_name(soa.primary) == "ns.dns.Cluster.LOCAL."


def test_soa():
    zones = Zones(ttl_s=3600)
    zone = parse_name("cluster.local")
    expected = SoaRecord(
        zone, 300, (b"ns", b"dns", *zone), (b"hostmaster", *zone), SERIAL, 7200, 1800, 86400, 3600
    )
    assert ask("cluster.local", "SOA", zones).answers == (expected,)
    assert ask("none.cluster.local", "A", zones).authority == (expected,)


def test_ttls():
    assert ask("web.prod.svc.cluster.local", "A").answers[0].ttl == 30
    assert ask("dns-version.cluster.local", "TXT").answers[0].ttl == 28800


def test_name_servers_without_a_service_are_the_server_itself():
    own = (parse_address("127.0.0.1"), parse_address("192.0.2.3"))
    answer = ask("cluster.local", "NS", Zones(local_addresses=own))
    assert data(answer.answers) == ["ns.dns.cluster.local."]
    assert data(answer.additional) == ["192.0.2.3"]


def test_name_servers_of_a_headless_service_are_its_endpoints():
    objects = [
        Namespace("prod"),
        service("dns", headless=True),
        endpoint_slice("dns", endpoint("172.18.0.3", hostname="ns1")),
        endpoint_slice("gone", endpoint("172.18.0.3"), suffix="x"),
    ]
    answer = ask("cluster.local", "NS", index=build_index(objects))
    assert data(answer.answers) == ["ns1.dns.prod.svc.cluster.local."]
    assert data(answer.additional) == ["172.18.0.3"]


def test_the_longest_zone_wins():
    zones = Zones(names=((b"local",), (b"cluster", b"local"), *REVERSE_ZONES))
    soa = ask("none.svc.cluster.local", "A", zones).authority[0]
    assert lower(soa.name) == (b"cluster", b"local")
