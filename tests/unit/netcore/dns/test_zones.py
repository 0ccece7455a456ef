from netcore.dns.names import parse_name
from netcore.dns.zones import REVERSE_ZONES, Zones, is_reverse


def test_match():
    zones = Zones()
    assert zones.match(parse_name("a.svc.cluster.local")) == (b"cluster", b"local")
    assert zones.match(parse_name("1.in-addr.arpa")) == (b"in-addr", b"arpa")
    assert zones.match(parse_name("example.com")) is None


def test_primary_is_the_first_forward_zone():
    assert Zones(names=(*REVERSE_ZONES, (b"corp",), (b"cluster", b"local"))).primary == (b"corp",)
    assert Zones(names=REVERSE_ZONES).primary == ()


def test_is_reverse():
    assert is_reverse(parse_name("1.ip6.arpa"))
    assert not is_reverse(parse_name("cluster.local"))
