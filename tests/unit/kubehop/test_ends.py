import pytest

from kubehop.ends import Place, Target, parse_source, parse_target
from netcore.model.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("web", Place("pod", "web", "shop")),
        ("pod/web", Place("pod", "web", "shop")),
        ("po/web", Place("pod", "web", "shop")),
        ("prod/web", Place("pod", "web", "prod")),
        ("prod/pod/web", Place("pod", "web", "prod")),
        ("deploy/web", Place("deployment", "web", "shop")),
        ("prod/deploy/web", Place("deployment", "web", "prod")),
        ("node/n1", Place("node", "n1")),
        ("outside", Place("outside", "outside")),
    ],
)
def test_every_form_of_from(text, place):
    assert parse_source(text, "shop") == place


@pytest.mark.parametrize(
    "text", ["", "/", "pod/", "/web", "svc/web", "a/b/c", "a/b/c/d", "we b", "-x", "web:80"]
)
def test_a_bad_from_is_one_line(text):
    with pytest.raises(ConfigError) as raised:
        parse_source(text, "shop")
    assert "\n" not in str(raised.value)
    assert "give" in str(raised.value) or "FROM has no port" in str(raised.value)


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("web", Target(Place("name", "web", "shop"))),
        ("web:80", Target(Place("name", "web", "shop"), "80")),
        ("web.prod.svc:53/udp", Target(Place("name", "web.prod.svc", "shop"), "53", "UDP")),
        ("example.org.", Target(Place("name", "example.org.", "shop"))),
        ("pod/web:80/TCP", Target(Place("pod", "web", "shop"), "80", "TCP")),
        ("prod/web:80", Target(Place("pod", "web", "prod"), "80")),
        ("svc/web", Target(Place("service", "web", "shop"))),
        ("svc/web:http", Target(Place("service", "web", "shop"), "http")),
        ("prod/svc/web:8080", Target(Place("service", "web", "prod"), "8080")),
        ("deploy/web:80", Target(Place("deployment", "web", "shop"), "80")),
        ("node/n1:30080", Target(Place("node", "n1"), "30080")),
        ("node/n1", Target(Place("node", "n1"))),
        ("10.0.0.1", Target(Place("address", "10.0.0.1"))),
        ("10.0.0.1:80", Target(Place("address", "10.0.0.1"), "80")),
        ("fd00::1", Target(Place("address", "fd00::1"))),
        ("[fd00::1]", Target(Place("address", "fd00::1"))),
        ("[fd00::1]:80/udp", Target(Place("address", "fd00::1"), "80", "UDP")),
    ],
)
def test_every_form_of_to(text, target):
    assert parse_target(text, "shop") == target


def test_the_option_names_the_protocol():
    assert parse_target("web:80", "shop", "UDP").protocol == "UDP"
    assert parse_target("svc/web", "shop", "ICMP").protocol == "ICMP"


@pytest.mark.parametrize(
    ("text", "protocol", "message"),
    [
        ("web:", "", "a port is missing"),
        ("web:http", "", '"http" is not a port'),
        ("web:0", "", "is not a port"),
        ("web:65536", "", "is not a port"),
        ("web:80/gre", "", "none of tcp, udp, sctp, icmp"),
        ("web:80/", "", "none of tcp, udp, sctp, icmp"),
        ("web:80/udp", "TCP", "says UDP, --protocol says TCP"),
        ("web:80", "ICMP", "ICMP has no ports"),
        ("web", "TCP", "TCP needs a port: write web:PORT"),
        ("node/n1", "UDP", "UDP needs a port"),
        ("a/b/c/d", "", "svc/NAME"),
        ("", "", "is not a name"),
        ("[fd00::1", "", "is not a name"),
        ("we b:80", "", "is not a name"),
    ],
)
def test_a_bad_to_names_the_remedy_in_one_line(text, protocol, message):
    with pytest.raises(ConfigError) as raised:
        parse_target(text, "shop", protocol)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_places_are_written_as_people_say_them():
    assert str(Place("node", "n1")) == "node n1"
    assert str(Place("pod", "web", "shop")) == "pod shop/web"
    assert str(Place("address", "10.0.0.1")) == "10.0.0.1"
