import pytest

from netcore.forwarding.routes import Route, RouteTable
from netcore.model.address import packed, parse_network


def table(*cidrs: str) -> RouteTable[str]:
    return RouteTable(Route(parse_network(cidr), cidr) for cidr in cidrs)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("10.244.1.9", "10.244.1.0/24"),
        ("10.244.2.9", "10.244.0.0/16"),
        ("10.244.1.7", "10.244.1.7/32"),
        ("192.0.2.1", "0.0.0.0/0"),
        ("fd00:1::9", "fd00:1::/64"),
        ("fd00:2::9", "fd00::/16"),
    ],
)
def test_the_most_specific_route_wins(address, expected):
    routes = table(
        "10.244.0.0/16", "0.0.0.0/0", "10.244.1.0/24", "10.244.1.7/32", "fd00::/16", "fd00:1::/64"
    )
    assert routes.lookup(packed(address)).target == expected


def test_no_route():
    assert table("10.244.0.0/16").lookup(packed("10.245.0.1")) is None
    assert table("10.244.0.0/16").lookup(packed("::1")) is None
    assert table().lookup(packed("10.0.0.1")) is None


def test_the_families_do_not_mix():
    assert table("::/0").lookup(packed("0.0.0.1")) is None


def test_a_later_route_to_the_same_network_replaces_the_earlier():
    routes = RouteTable([Route(parse_network("10.0.0.0/8"), name) for name in ("old", "new")])
    assert routes.lookup(packed("10.1.1.1")).target == "new"


def test_the_routes_come_back_in_their_order():
    assert [route.target for route in table("10.0.0.0/8", "fd00::/16")] == [
        "10.0.0.0/8",
        "fd00::/16",
    ]
