from netcore.dns.apex import name_servers, soa
from netcore.dns.names import parse_name
from netcore.dns.zones import Zones
from netcore.model.address import parse_address
from tests.support.dns_cluster import build_index

ZONE = parse_name("cluster.local")


def test_soa_ttl_is_capped_and_minimum_is_not():
    record = soa(Zones(ttl_s=600), ZONE, 7)
    assert (record.ttl, record.minimum_s, record.serial) == (300, 600, 7)


def test_servers_are_the_services_of_the_own_address():
    zones = Zones(local_addresses=(parse_address("172.18.0.3"),))
    name = parse_name("kube-dns.kube-system.svc.cluster.local")
    assert name_servers(build_index(), zones, ZONE) == ((name, parse_address("10.96.0.10")),)


def test_loopback_never_counts():
    zones = Zones(local_addresses=(parse_address("127.0.0.1"), parse_address("::1")))
    assert name_servers(build_index(), zones, ZONE) == ()
